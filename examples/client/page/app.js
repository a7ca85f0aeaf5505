/** Lists projects and shows the events of the chosen one, live, over lost connections. */
import * as ClientError from "./rdev/ClientError.js"
import * as RdevClient from "./rdev/RdevClient.js"

const at = (id) => document.getElementById(id)
const shown = 200
let rdev = null
let following = new AbortController()

/** What is wrong and what to do; anything else is a fault of this page. */
const told = async (work) => {
  at("problem").textContent = ""
  try {
    await work()
  } catch (error) {
    if (!ClientError.is(error)) throw error
    at("problem").textContent = `${error.message} ${error.fix}`
  }
}

const follow = async (project) => {
  following.abort()
  following = new AbortController()
  at("events").replaceChildren()
  const onState = (state) => {
    at("state").textContent = state
  }
  for await (const event of rdev.events.follow({ project }, { signal: following.signal, keepTrying: true, onState })) {
    if (event.type === "synced") continue
    const line = document.createElement("li")
    line.textContent = `${event.time.slice(11, 19)}  ${event.type}  ${event.title ?? event.line ?? event.feature ?? ""}`
    at("events").prepend(line)
    while (at("events").children.length > shown) at("events").lastElementChild.remove()
  }
}

const look = async () => {
  rdev = RdevClient.make({ url: at("url").value, key: at("key").value })
  const names = []
  for await (const { name } of rdev.projects.listAll()) names.push(name)
  at("project").replaceChildren(
    ...names.map((name) => {
      const option = document.createElement("option")
      option.value = name
      option.textContent = name
      return option
    })
  )
  if (names.length > 0) await follow(names[0])
}

at("server").addEventListener("submit", (event) => {
  event.preventDefault()
  void told(look)
})
at("project").addEventListener("change", () => void told(() => follow(at("project").value)))
