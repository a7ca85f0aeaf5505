import { describe, expect, it } from "vitest"
import fc from "fast-check"
import { detect } from "../../src/language/Detect.ts"
import { languageOf, languages } from "../../src/language/Languages.ts"
import * as Ears from "../../src/lint/Ears.ts"
import { lint } from "../../src/lint/Lint.ts"

const language = (code: string) => {
  const found = languageOf(code)
  if (found === null) throw new RangeError(code)
  return found
}

describe("EARS in other languages", () => {
  const forms: ReadonlyArray<readonly [string, string, Ears.Form]> = [
    ["de", "Die Pumpe muss anhalten.", "ubiquitous"],
    ["de", "Wenn der Knopf gedrückt wird, muss die Pumpe anhalten.", "event"],
    ["de", "Solange der Tank leer ist, darf die Pumpe nicht laufen.", "state"],
    ["de", "Falls der Sensor ausfällt, dann muss die Pumpe anhalten.", "unwanted"],
    ["de", "Sofern eine Anzeige verbaut ist, soll die Pumpe ihre Drehzahl anzeigen.", "optional"],
    ["de", "Während des Betriebs, wenn der Deckel aufgeht, muss die Pumpe anhalten.", "complex"],
    ["fr", "La pompe doit s'arrêter.", "ubiquitous"],
    ["fr", "Lorsqu'un visiteur arrive, la page doit le saluer.", "event"],
    ["fr", "Tant que le réservoir est vide, la pompe ne doit pas tourner.", "state"],
    ["fr", "Si le capteur tombe en panne, alors la pompe doit s'arrêter.", "unwanted"],
    ["fr", "Là où un écran est monté, la pompe doit afficher sa vitesse.", "optional"],
    ["es", "El sistema DEBE saludar por nombre.", "ubiquitous"],
    ["es", "Cuando un visitante llega, la página debe saludarlo.", "event"],
    ["es", "Mientras el tanque está vacío, la bomba no debe funcionar.", "state"],
    ["es", "Si el sensor falla, entonces la bomba debe parar.", "unwanted"],
    ["pt", "Quando um visitante chega, a página deve saudá-lo.", "event"],
    ["pt", "Enquanto o tanque estiver vazio, a bomba não deve funcionar.", "state"],
    ["pt", "Se o sensor falhar, então a bomba deve parar.", "unwanted"],
    ["it", "Quando un visitatore arriva, la pagina deve salutarlo.", "event"],
    ["it", "Se il sensore si guasta, allora la pompa deve fermarsi.", "unwanted"],
    ["ja", "ポンプは停止しなければならない。", "ubiquitous"],
    ["ja", "ボタンが押されたとき、ポンプは停止しなければならない。", "event"],
    ["ja", "タンクが空の間、ポンプは動作してはならない。", "state"],
    ["ja", "センサーが故障した場合、ポンプは停止するものとする。", "unwanted"],
    ["ko", "펌프는 정지해야 한다.", "ubiquitous"],
    ["ko", "버튼이 눌렸을 때, 펌프는 정지해야 한다.", "event"],
    ["ko", "탱크가 비어 있는 동안, 펌프는 작동해서는 안 된다.", "state"],
    ["ko", "센서가 고장난 경우, 펌프는 정지하여야 합니다.", "unwanted"],
    ["zh", "水泵应停止。", "ubiquitous"],
    ["zh", "当按下按钮时，水泵应停止。", "event"],
    ["zh", "在水箱为空期间，水泵不得运行。", "state"],
    ["zh", "如果传感器失效，则水泵必须停止。", "unwanted"],
    ["zh", "当用户提交表单时系统应当保存数据。", "event"]
  ]
  it.each(forms)("%s: %s is %s", (code, sentence, form) => {
    expect(Ears.parse(sentence, language(code))).toEqual({ _tag: "Ears", form })
  })
  const wrong: ReadonlyArray<readonly [string, string, string]> = [
    ["de", "Die Pumpe hält an.", "muss"],
    ["de", "Wenn der Knopf gedrückt wird muss die Pumpe anhalten.", "comma"],
    ["de", "Nach einer Weile, muss die Pumpe anhalten.", "Wenn, Während"],
    ["fr", "La pompe doit.", "nothing follows"],
    ["es", "Debe.", "nothing follows"],
    ["ja", "ポンプは停止する。", "なければ"],
    ["zh", "系统响应用户的请求。", "应"]
  ]
  it.each(wrong)("%s: %s is refused", (code, sentence, problem) => {
    const parsed = Ears.parse(sentence, language(code))
    expect(parsed._tag === "Not" ? parsed.problem : parsed.form).toContain(problem)
  })
  it("is total in every language", () => {
    fc.assert(
      fc.property(fc.constantFrom(...languages), fc.string({ unit: "grapheme", maxLength: 200 }), (one, text) =>
        ["Ears", "Not"].includes(Ears.parse(text, one)._tag)
      )
    )
  })
})

describe("the language of a text", () => {
  const texts: ReadonlyArray<readonly [string | null, string]> = [
    ["en", "The page greets a visitor by name, and says so when there is none."],
    ["en", "Login page"],
    ["en", ""],
    ["en", "FR-001: System MUST let users log in with their e-mail address and a password"],
    ["de", "Die Seite begrüßt den Besucher mit seinem Namen. Das System muss ihn nicht kennen."],
    ["fr", "La page doit saluer le visiteur par son nom et ne pas le confondre avec un autre."],
    ["es", "El sistema DEBE saludar por nombre. Los visitantes que no dan su nombre ven una página sin saludo."],
    ["pt", "O sistema deve saudar o visitante pelo nome e não mostrar a página sem uma saudação."],
    ["it", "Il sistema deve salutare il visitatore per nome e non mostrare la pagina senza un saluto."],
    ["ja", "ユーザーが名前を入力したとき、ページはその名前で挨拶しなければならない。"],
    ["ko", "사용자가 이름을 입력하면 페이지는 그 이름으로 인사해야 한다."],
    ["zh", "当用户输入姓名时，页面应显示问候语。"],
    [null, "Система должна приветствовать посетителя по имени и не показывать страницу без приветствия."],
    [null, "Strona musi powitać gościa po imieniu, gdy tylko zostanie ono wpisane, także wtedy, gdy był tu wcześniej."],
    [null, "يجب على النظام أن يرحب بالزائر باسمه"]
  ]
  it.each(texts)("%s: %s", (code, text) => expect(detect(text)?.code ?? null).toBe(code))
  it("takes a region along", () =>
    expect([languageOf("de-AT")?.code, languageOf("pt_BR")?.code, languageOf("nl")]).toEqual(["de", "pt", null]))
})

describe("a spec in another language", () => {
  const russian =
    "# Приветствие\n\n- REQ-001: Система должна приветствовать посетителя по имени.\n- SC-001 (REQ-001): Если имя введено, страница показывает его.\n"
  const german =
    "# Gruß\n\n- REQ-001: Die Seite begrüßt den Besucher mit seinem Namen.\n- SC-001 (REQ-001): Wenn ein Name da ist, dann steht er auf der Seite.\n"
  const found = (text: string, rules = {}) =>
    lint("spec", "spec.md", text, null, rules).findings.map(({ rule, severity }) => `${severity} ${rule}`)
  it("is judged by that language's forms", () => {
    expect(found(german)).toEqual(["error requirement-form"])
    expect(
      found(german.replace("begrüßt den Besucher mit seinem Namen", "muss den Besucher mit seinem Namen begrüßen"))
    ).toEqual([])
  })
  it("is warned about where its forms are not known", () =>
    expect(found(russian)).toEqual(["warning requirement-form", "warning scenario-form"]))
  it("is held to what the policy says", () => {
    expect(found(german, { requirementForm: "warn" })).toEqual(["warning requirement-form"])
    expect(found(german, { requirementForm: "off" })).toEqual([])
    expect(found(russian, { requirementForm: "error" })).toEqual(["error requirement-form", "warning scenario-form"])
    expect(found("- REQ-001: The page shall greet.\n- SC-001 (REQ-001): when a then b\n", { language: "nl" })).toEqual(
      []
    )
  })
})

describe("a short English spec", () => {
  it("is English, although its small words are words of other languages, too", () => {
    const text = "# A\n### REQ-001: Greet a visitor\nWhen a visitor arrives, a page shall greet a visitor.\n"
    expect(detect(text)?.code).toBe("en")
    expect(
      detect("# A\n### REQ-001: Os dados\nQuando um visitante chega, a página deve saudá-lo a sorrir.\n")?.code
    ).toBe("pt")
  })
})
