/** Words by which spec tools mark their sections, in every language of the table: the importers read a text before its language is known. */

const heading = (...words: ReadonlyArray<string>): string => `(?:${words.join("|")})`

export const requirement = heading(
  "requirements?",
  "anforderung(?:en)?",
  "exigences?",
  "requisitos?",
  "requisit[oi]",
  "要件",
  "要求",
  "요구 ?사항",
  "요건",
  "需求"
)
export const scenario = heading(
  "scenarios?",
  "szenari(?:o|en)",
  "scénarios?",
  "escenarios?",
  "cenários?",
  "scenari(?:o)?",
  "シナリオ",
  "시나리오",
  "场景",
  "場景"
)
export const acceptanceCriteria = heading(
  "acceptance criteria",
  "akzeptanzkriterien",
  "abnahmekriterien",
  "critères d['’]acceptation",
  "criterios de aceptación",
  "critérios de aceitação",
  "criteri di accettazione",
  "受け?入れ?(?:基準|条件)",
  "(?:인수|수용|승인) ?(?:조건|기준)",
  "(?:验收|接受)(?:标准|准则|条件)",
  "(?:驗收|接受)(?:標準|準則|條件)"
)
export const userStory = heading(
  "user story",
  "(?:nutzer|anwender|benutzer)(?:geschichte|story)",
  "(?:récit|histoire) (?:d['’])?utilisateur",
  "historia de usuario",
  "história d[eo] (?:usuário|utilizador)",
  "storia utente",
  "ユーザー?ストーリー",
  "(?:사용자|유저) ?스토리",
  "(?:用户|用戶|使用者)故事"
)
/** BMAD's own section. */
export const story = heading(
  "story",
  "geschichte",
  "récit",
  "histoire",
  "historia",
  "história",
  "storia",
  "ストーリー",
  "스토리",
  "故事"
)
export const tasks = heading(
  "tasks?",
  "aufgaben?",
  "tâches?",
  "tareas?",
  "tarefas?",
  "attività",
  "compit[oi]",
  "タスク",
  "작업",
  "태스크",
  "任务",
  "任務"
)
export const phase = heading("phase", "fase", "フェーズ", "단계", "阶段", "階段")
export const expectedBehaviour = heading(
  "expected behaviou?r",
  "erwartetes verhalten",
  "comportement attendu",
  "comportamiento esperado",
  "comportamento (?:esperado|atteso)",
  "期待される(?:動作|振る舞い)",
  "예상 동작",
  "期望行为",
  "预期行为"
)
export const unchangedBehaviour = heading(
  "unchanged behaviou?r",
  "unverändertes verhalten",
  "comportement inchangé",
  "comportamiento (?:inalterado|sin cambios)",
  "comportamento (?:inalterado|invariato)",
  "変わらない(?:動作|振る舞い)",
  "변경되지 않는 동작",
  "不变行为",
  "保持不变"
)
export const dependsOn = heading(
  "depends(?: on)?",
  "dependencies",
  "after",
  "hängt ab von",
  "abhängigkeiten",
  "dépend de",
  "depende de",
  "dipende da",
  "依存",
  "의존",
  "依赖"
)
/** What a change does to the requirements of a living spec. */
export const operations = {
  renamed: heading(
    "renamed",
    "umbenannte?n?",
    "renommée?s?",
    "renombrad[oa]s?",
    "renomead[oa]s?",
    "rinominat[oaei]",
    "名称変更(?:された|する)?",
    "改名(?:された)?",
    "이름 ?(?:변경|바꾼)(?:된|한)?",
    "重命名的?",
    "更名的?"
  ),
  added: heading(
    "added",
    "hinzugefügte?n?",
    "ajoutée?s?",
    "(?:añadid|agregad)[oa]s?",
    "(?:adicionad|acrescentad)[oa]s?",
    "aggiunt[oaei]",
    "追加(?:された|する)?",
    "추가(?:된|한)?",
    "(?:新增|添加|增加)的?"
  ),
  modified: heading(
    "modified",
    "changed",
    "(?:geänderte?n?|modifizierte?n?)",
    "modifiée?s?",
    "modificad[oa]s?",
    "alterad[oa]s?",
    "modificat[oaei]",
    "(?:変更|修正)(?:された|する)?",
    "(?:변경|수정)(?:된|한)?",
    "(?:修改|变更|變更)的?"
  ),
  removed: heading(
    "removed",
    "deleted",
    "(?:entfernte?n?|gelöschte?n?)",
    "(?:supprimée?s?|retirée?s?)",
    "(?:eliminad|suprimid)[oa]s?",
    "removid[oa]s?",
    "(?:rimoss[oaei]|eliminat[oaei])",
    "削除(?:された|する)?",
    "(?:삭제|제거)(?:된|한)?",
    "(?:删除|移除|刪除)的?"
  )
} as const
/** Old and new name of a renamed requirement. */
export const renamedFrom = heading(
  "from",
  "von",
  "de",
  "da",
  "desde",
  "変更前",
  "旧",
  "(?:변경 ?전|이전)",
  "从",
  "從",
  "原名"
)
export const renamedTo = heading(
  "to",
  "(?:zu|nach|auf|in)",
  "(?:à|en|vers)",
  "(?:a|por)",
  "para",
  "変更後",
  "新",
  "(?:변경 ?후|이후)",
  "到",
  "改为",
  "改為",
  "新名"
)
