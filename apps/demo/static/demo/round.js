// Once submitted, a form takes no more input: what is typed then would be lost.
const form = document.querySelector("form.fields");
form.addEventListener("submit", () => {
  form.inert = true;
});
// Going back shows the page as it was left, so wake the form up again.
window.addEventListener("pageshow", () => {
  form.inert = false;
});
