// Starts Swagger UI. A file of its own because the content security policy forbids inline scripts.
window.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("swagger-ui");
  window.SwaggerUIBundle({
    url: place.dataset.openapiUrl,
    domNode: place,
    deepLinking: true,
    validatorUrl: null, // the validator is somebody else's server
    onComplete: () => place.querySelector("main")?.setAttribute("role", "none"), // the page has its own
    presets: [window.SwaggerUIBundle.presets.apis],
  });
});
