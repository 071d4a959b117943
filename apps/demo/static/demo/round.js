// Once submitted, a form takes no more input: what is typed then would be lost.
const form = document.querySelector("form.fields");
const setDisabled = (isDisabled) => {
  for (const element of form.elements) element.disabled = isDisabled;
};
// This event comes when the values have been collected, so none goes missing.
form.addEventListener("formdata", () => setDisabled(true));
// Going back shows the page as it was left, so wake the form up again.
window.addEventListener("pageshow", () => setDisabled(false));
