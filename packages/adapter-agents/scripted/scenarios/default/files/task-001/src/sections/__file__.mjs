// {{title}}
export default {
  id: "{{file}}",
  title: {{titleJson}},
  label: {{labelJson}},
  paragraphs: [
    "This section travelled from an idea to this page: it was specified, designed, planned, built, reviewed, audited and tested before it was released.",
    "The scripted agent wrote it, without a model. Give the project to a real agent and it will write what the feature asks for."
  ]
}
