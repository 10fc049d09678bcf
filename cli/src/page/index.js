"use strict";
const table = document.querySelector("table");
const body = table.tBodies[0];
for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
  head.querySelector("button")?.addEventListener("click", () => {
    const descending = head.getAttribute("aria-sort") === "ascending";
    const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      const numbers = x !== "" && y !== "" && !Number.isNaN(Number(x)) && !Number.isNaN(Number(y));
      return numbers ? Number(x) - Number(y) : x.localeCompare(y, undefined, { numeric: true });
    };
    const sorted = [...body.rows].sort((a, b) => (descending ? -compare(a, b) : compare(a, b)));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    body.append(...sorted);
  });
}
