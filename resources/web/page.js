// The page around the viewer: reads the description out of the page, and lets a person take the document.

const data = JSON.parse(document.getElementById("circuit-data").textContent);
window.viewer = new Viewer(document.getElementById("viewer"), data);
for (const item of document.querySelectorAll("[data-target]")) {
  item.addEventListener("click", () => {
    window.viewer.selectNamed(item.dataset.target, JSON.parse(item.dataset.members ?? "[]"));
    window.viewer.canvas.focus();
    window.viewer.canvas.scrollIntoView({ block: "nearest" });
  });
}
document.getElementById("download").addEventListener("click", () => {
  const bytes = Uint8Array.from(atob(document.getElementById("circuit-file").textContent.trim()), (c) => c.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "application/zip" }));
  link.download = data.fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
