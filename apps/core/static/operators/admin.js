// htmx would write a style element into each page, which the admin's policy refuses.
htmx.config.includeIndicatorStyles = false;

// What unfold's pages leave out for those who hear them: a main landmark, the names of
// fields with a search, and different names for what scrolls.
function nameFields() {
  for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
    const name = select.labels[0]?.textContent.trim() || select.name;
    const shown = select.nextElementSibling;
    for (const one of shown?.querySelectorAll("[role=combobox], [role=textbox]") ?? []) {
      one.setAttribute("aria-label", name);
    }
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const main = document.getElementById("main") ?? document.getElementById("page");
  main?.setAttribute("role", "main");
  // Last in the queue in which these fields are made.
  window.django?.jQuery?.(nameFields);
});
window.addEventListener("load", () => {
  document.querySelectorAll(".simplebar-content-wrapper").forEach((one, number) => {
    one.setAttribute("aria-label", `scrollable content ${number + 1}`);
  });
});
