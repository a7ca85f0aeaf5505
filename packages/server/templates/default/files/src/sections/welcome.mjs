// A section is an id (its anchor), a title, the label of its link and its paragraphs: plain text, escaped when rendered.
export default {
  id: "welcome",
  title: "A page that builds itself",
  label: "Welcome",
  paragraphs: [
    "Every section on this page is a small module. A build step turns the modules into one HTML file and one style sheet.",
    "Features arrive as new sections. Each one is specified, planned, tested, reviewed and released before you see it here."
  ]
}
