// A wide table gets the names of its columns into its cells, so that its rows can be stacked on a narrow screen.
const label = () => {
  for (const table of document.querySelectorAll(".md-typeset table")) {
    const names = [...table.querySelectorAll("thead th")].map((head) => head.textContent.trim());
    if (names.length < 3) continue;
    table.dataset.stacked = "";
    for (const row of table.tBodies[0].rows) {
      [...row.cells].forEach((cell, column) => (cell.dataset.label = names[column]));
    }
  }
};

// A table or code that is wider than the page scrolls. A keyboard reaches it only if it can have the focus.
const focusable = () => {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};

document$.subscribe(() => {
  label();
  requestAnimationFrame(focusable);
});
addEventListener("resize", focusable);
