/** The languages whose EARS forms are known. Sources: Mavin et al. for English; the keywords of Gherkin (cucumber/gherkin) for the steps. */
import type { Language } from "./Language.ts"

const comma = /,/

export const english: Language = {
  code: "en",
  order: "subject-first",
  shall: ["shall"],
  conditions: { event: ["when"], state: ["while"], unwanted: ["if"], optional: ["where"] },
  connectives: ["then"],
  steps: { given: ["given"], when: ["when"], outcome: ["then"] },
  clauseEnd: comma,
  common: [
    "a",
    "the",
    "of",
    "and",
    "to",
    "is",
    "are",
    "it",
    "that",
    "for",
    "with",
    "on",
    "by",
    "be",
    "this",
    "an",
    "from",
    "or",
    "not",
    "which",
    "user",
    "users",
    "system",
    "must",
    "should"
  ],
  said: { shall: '"shall"', conditions: "When, While, If or Where" },
  hint: "write one of: The <system> shall <response>. | When <trigger>, the <system> shall <response>. | While <state>, the <system> shall <response>. | If <problem>, then the <system> shall <response>. | Where <feature>, the <system> shall <response>."
}

const german: Language = {
  code: "de",
  order: "verb-second",
  shall: ["muss", "müssen", "soll", "sollen", "darf", "dürfen"],
  conditions: {
    event: ["wenn", "sobald", "sooft"],
    state: ["während", "solange"],
    unwanted: ["falls"],
    optional: ["sofern", "wo"]
  },
  connectives: ["dann", "so"],
  steps: { given: ["angenommen", "gegeben"], when: ["wenn"], outcome: ["dann"] },
  clauseEnd: comma,
  common: [
    "der",
    "die",
    "das",
    "den",
    "dem",
    "des",
    "und",
    "ist",
    "sind",
    "nicht",
    "ein",
    "eine",
    "einen",
    "einem",
    "mit",
    "von",
    "zu",
    "im",
    "auf",
    "für",
    "sich",
    "wird",
    "werden",
    "als",
    "auch",
    "oder",
    "bei",
    "muss",
    "soll"
  ],
  said: { shall: '"muss" oder "soll"', conditions: "Wenn, Während, Falls oder Sofern" },
  hint: "schreibe eines von: Das <System> muss <Antwort>. | Wenn <Auslöser>, muss das <System> <Antwort>. | Während <Zustand>, muss das <System> <Antwort>. | Falls <Problem>, muss das <System> <Antwort>. | Sofern <Merkmal>, muss das <System> <Antwort>."
}

const french: Language = {
  code: "fr",
  order: "subject-first",
  shall: ["doit", "doivent", "devra", "devront"],
  conditions: {
    event: ["quand", "lorsque", "lorsqu['’]\\p{L}+", "dès que?", "dès qu['’]\\p{L}+"],
    state: ["tant que?", "tant qu['’]\\p{L}+", "pendant que?", "pendant qu['’]\\p{L}+"],
    unwanted: ["si", "s['’]ils?", "en cas"],
    optional: ["là où", "où", "dans le cas où"]
  },
  connectives: ["alors"],
  steps: {
    given: ["étant donné[es]{0,2}", "soit"],
    when: ["quand", "lorsque", "lorsqu['’]\\p{L}+"],
    outcome: ["alors", "donc"]
  },
  clauseEnd: comma,
  common: [
    "le",
    "la",
    "les",
    "des",
    "du",
    "un",
    "une",
    "et",
    "est",
    "sont",
    "dans",
    "pour",
    "que",
    "qui",
    "par",
    "sur",
    "avec",
    "ne",
    "pas",
    "ce",
    "cette",
    "aux",
    "au",
    "son",
    "sa",
    "doit",
    "ou"
  ],
  said: { shall: '"doit"', conditions: "Quand, Tant que, Si ou Là où" },
  hint: "écrivez l'une des formes : Le <système> doit <réponse>. | Quand <déclencheur>, le <système> doit <réponse>. | Tant que <état>, le <système> doit <réponse>. | Si <problème>, alors le <système> doit <réponse>. | Là où <fonction>, le <système> doit <réponse>."
}

const spanish: Language = {
  code: "es",
  order: "subject-first",
  shall: ["debe", "deben", "deberá", "deberán"],
  conditions: { event: ["cuando", "al"], state: ["mientras"], unwanted: ["si", "en caso de"], optional: ["donde"] },
  connectives: ["entonces"],
  steps: { given: ["dad[oa]s?"], when: ["cuando"], outcome: ["entonces"] },
  clauseEnd: comma,
  common: [
    "el",
    "la",
    "los",
    "las",
    "del",
    "un",
    "una",
    "y",
    "es",
    "son",
    "en",
    "que",
    "por",
    "para",
    "con",
    "no",
    "se",
    "su",
    "lo",
    "al",
    "como",
    "o",
    "debe",
    "de"
  ],
  said: { shall: '"debe"', conditions: "Cuando, Mientras, Si o Donde" },
  hint: "escriba una de: El <sistema> debe <respuesta>. | Cuando <evento>, el <sistema> debe <respuesta>. | Mientras <estado>, el <sistema> debe <respuesta>. | Si <problema>, entonces el <sistema> debe <respuesta>. | Donde <función>, el <sistema> debe <respuesta>."
}

const portuguese: Language = {
  code: "pt",
  order: "subject-first",
  shall: ["deve", "devem", "deverá", "deverão"],
  conditions: {
    event: ["quando", "ao", "assim que"],
    state: ["enquanto"],
    unwanted: ["se", "caso"],
    optional: ["onde"]
  },
  connectives: ["então"],
  steps: { given: ["dad[oa]s?"], when: ["quando"], outcome: ["então", "entao"] },
  clauseEnd: comma,
  common: [
    "o",
    "a",
    "os",
    "as",
    "do",
    "da",
    "dos",
    "das",
    "um",
    "uma",
    "e",
    "é",
    "são",
    "em",
    "no",
    "na",
    "que",
    "por",
    "para",
    "com",
    "não",
    "se",
    "ao",
    "ou",
    "deve",
    "de"
  ],
  said: { shall: '"deve"', conditions: "Quando, Enquanto, Se ou Onde" },
  hint: "escreva uma de: O <sistema> deve <resposta>. | Quando <evento>, o <sistema> deve <resposta>. | Enquanto <estado>, o <sistema> deve <resposta>. | Se <problema>, então o <sistema> deve <resposta>. | Onde <função>, o <sistema> deve <resposta>."
}

const italian: Language = {
  code: "it",
  order: "subject-first",
  shall: ["deve", "devono", "dovrà", "dovranno"],
  conditions: {
    event: ["quando", "non appena", "al"],
    state: ["mentre", "finché"],
    unwanted: ["se", "in caso di"],
    optional: ["dove", "laddove"]
  },
  connectives: ["allora"],
  steps: { given: ["dat[oiae]"], when: ["quando"], outcome: ["allora"] },
  clauseEnd: comma,
  common: [
    "il",
    "lo",
    "la",
    "i",
    "gli",
    "le",
    "del",
    "della",
    "dei",
    "delle",
    "un",
    "una",
    "e",
    "è",
    "sono",
    "in",
    "nel",
    "nella",
    "che",
    "per",
    "con",
    "non",
    "si",
    "al",
    "alla",
    "di",
    "da",
    "o",
    "deve"
  ],
  said: { shall: '"deve"', conditions: "Quando, Mentre, Se o Dove" },
  hint: "scrivi una di: Il <sistema> deve <risposta>. | Quando <evento>, il <sistema> deve <risposta>. | Mentre <stato>, il <sistema> deve <risposta>. | Se <problema>, allora il <sistema> deve <risposta>. | Dove <funzione>, il <sistema> deve <risposta>."
}

const japanese: Language = {
  code: "ja",
  order: "verb-last",
  shall: [
    "(?:なければ|ねば|なくては)(?:ならない|なりません|いけない)",
    "ては(?:ならない|なりません|いけない)",
    "では(?:ならない|なりません)",
    "ものとする",
    "ものとします",
    "べきである",
    "べきです",
    "必要がある",
    "必要があります",
    "すること(?:とする)?(?=[。.]?$)"
  ],
  conditions: {
    event: ["とき", "時に?は?$", "際", "したら", "すると", "たら$", "ると$"],
    state: ["間", "あいだ", "中は?$", "限り"],
    unwanted: ["場合", "もし", "なら"],
    optional: ["(?:備える|含む|有効な|対応する)(?:場合|とき|環境)", "オプション"]
  },
  connectives: ["そのとき", "ならば"],
  steps: {
    given: ["前提"],
    when: ["もし", "とき", "場合", "すると"],
    outcome: ["ならば", "なければならない", "こと", "される", "する", "した"]
  },
  clauseEnd: /[、，,]/,
  common: [],
  said: { shall: "「なければならない」", conditions: "とき、間、場合" },
  hint: "次のいずれかの形で書いてください: <システム>は<応答>しなければならない。| <きっかけ>とき、<システム>は<応答>しなければならない。| <状態>の間、<システム>は<応答>しなければならない。| <問題>場合、<システム>は<応答>しなければならない。"
}

const korean: Language = {
  code: "ko",
  order: "verb-last",
  shall: [
    "(?:해|하여|되어|돼|[가-힣]아|[가-힣]어)야 ?(?:한다|합니다|함)",
    "[가-힣]야 ?(?:한다|합니다|함)",
    "안 ?(?:된다|됩니다|됨)"
  ],
  conditions: {
    event: ["때", "하면", "되면", "[가-힣]면$"],
    state: ["동안", "중에?는?$"],
    unwanted: ["경우", "만약", "만일"],
    optional: ["(?:포함된|제공되는|있는) (?:경우|곳)"]
  },
  connectives: ["그러면"],
  steps: {
    given: ["전제", "조건", "주어진"],
    when: ["만일", "만약", "때", "하면", "[가-힣]면"],
    outcome: ["그러면", "한다", "된다", "합니다", "됩니다"]
  },
  clauseEnd: /[,，]/,
  common: [],
  said: { shall: '"해야 한다"', conditions: "때, 동안, 경우" },
  hint: "다음 중 하나로 쓰십시오: <시스템>은 <응답>해야 한다. | <사건> 때, <시스템>은 <응답>해야 한다. | <상태> 동안, <시스템>은 <응답>해야 한다. | <문제> 경우, <시스템>은 <응답>해야 한다."
}

const chinese: Language = {
  code: "zh",
  order: "subject-first",
  // Not in 应用 (application), 响应 (response) and the like.
  shall: [
    "应当",
    "应该",
    "應當",
    "應該",
    "(?<![响反适对相供])应(?!用)",
    "(?<![響反適對相供])應(?!用)",
    "必须",
    "必須",
    "须",
    "須",
    "不得"
  ],
  conditions: {
    event: ["^当", "^當", "^一旦", "时$", "時$"],
    state: ["期间", "期間", "处于", "處於", "只要"],
    unwanted: ["^如果", "^若", "^假如", "^如"],
    optional: ["^在.+(?:情况下|情況下|的地方)", "^凡"]
  },
  connectives: ["则", "則", "那么", "那麼"],
  steps: {
    given: ["假如", "假设", "假定", "給定", "给定"],
    when: ["当", "當"],
    outcome: ["那么", "那麼", "则", "則", "应", "應"]
  },
  clauseEnd: /[，,、]/,
  common: [],
  said: { shall: "「应」或「必须」", conditions: "当、期间、如果" },
  hint: "请写成以下之一: <系统>应<响应>。| 当<触发>时，<系统>应<响应>。| 在<状态>期间，<系统>应<响应>。| 如果<问题>，则<系统>应<响应>。"
}

export const languages: ReadonlyArray<Language> = [
  english,
  german,
  french,
  spanish,
  portuguese,
  italian,
  japanese,
  korean,
  chinese
]

/** The row of a language tag (`de`, `de-AT`), or `null` when its forms are not known. */
export const languageOf = (tag: string): Language | null => {
  const code = tag.toLowerCase().split(/[-_]/, 1)[0]
  return languages.find((language) => language.code === code) ?? null
}
