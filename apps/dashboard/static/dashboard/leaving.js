// What the editor keeps in this browser is for the person who wrote it alone: it is
// removed after signing out, and when somebody else is signed in. A session that only
// expired leaves it there, for the same person's return.
(() => {
  "use strict";
  const DRAFT = "rpa.draft.", LEFT = "rpa.left";
  const { person, left } = document.body.dataset;

  // A link from elsewhere to the page after signing out removes nothing.
  function comesFromHere() {
    try {
      return new URL(document.referrer).origin === window.location.origin;
    } catch {
      return false;
    }
  }

  function remove(goes) {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(DRAFT) && goes(key)) localStorage.removeItem(key);
    }
  }

  try {
    if (person) remove((key) => !key.startsWith(`${DRAFT}${person}.`));
    else if (left !== undefined && comesFromHere()) {
      remove(() => true);
      // Tells editors in other tabs, which would keep what is typed there.
      localStorage.setItem(LEFT, String(Date.now()));
      localStorage.removeItem(LEFT);
    }
  } catch {
    // This browser keeps nothing at all.
  }
})();
