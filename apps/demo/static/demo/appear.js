// Shows the last element of the waiting page as late as asked for.
const ready = document.getElementById("ready");
if (ready && ready.hidden) {
  setTimeout(() => {
    document.getElementById("pending").hidden = true;
    ready.hidden = false;
  }, Number(ready.dataset.afterMs));
}
