// Reads the file of a trace into the form.
(() => {
  "use strict";
  const file = document.getElementById("file"), text = document.getElementById("trace");
  file?.addEventListener("change", async () => {
    if (!file.files[0]) return;
    text.value = await file.files[0].text();
    text.form.requestSubmit();
  });
})();
