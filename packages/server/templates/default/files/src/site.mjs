// What the site consists of: its name and its sections in the order in which they appear. One import and one entry per section.
import welcome from "./sections/welcome.mjs"

export const site = {
  name: {{project|json}},
  description: {{description|json}},
  sections: [
    welcome
  ]
}
