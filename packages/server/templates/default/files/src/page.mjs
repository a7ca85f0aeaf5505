// Renders the site to one HTML document. Pure: the same site gives the same text.

const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;", "'": "&#39;" }

/** Text as HTML: characters that mean something in HTML are written as entities. */
export const escape = (text) => String(text).replace(/[&<>"']/g, (character) => entities[character])

export const renderSection = (section) => `<section id="${escape(section.id)}" class="card">
      <h2>${escape(section.title)}</h2>
${section.paragraphs.map((paragraph) => `      <p>${escape(paragraph)}</p>`).join("\n")}
    </section>`

export const renderNavigation = (sections) =>
  sections.map((section) => `<a href="#${escape(section.id)}">${escape(section.label)}</a>`).join("\n      ")

export const renderPage = (site) => `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="description" content="${escape(site.description)}">
  <title>${escape(site.name)}</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="style.css">
</head>
<body>
  <header>
    <a class="brand" href="#top" id="top">${escape(site.name)}</a>
    <nav aria-label="Sections">
      ${renderNavigation(site.sections)}
    </nav>
  </header>
  <main>
    <div class="hero">
      <h1>${escape(site.name)}</h1>
      <p>${escape(site.description)}</p>
    </div>
    ${site.sections.map(renderSection).join("\n    ")}
  </main>
  <footer>${escape(site.name)} · built from ${site.sections.length} ${site.sections.length === 1 ? "section" : "sections"}</footer>
</body>
</html>
`
