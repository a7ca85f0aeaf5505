// Name and purpose of the service, as shown to clients.
export const service = {
  name: {{project|json}},
  description: {{description|json}}
}
