//! The OpenAPI document.

use axum::{Json, response::IntoResponse};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;

use super::{Shared, open, protected};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Banyan admin API",
        description = "Where units stand, how they are moved, and how the gateway does. Errors are \
                       `application/problem+json` (RFC 9457) with a stable `type`."
    ),
    components(schemas(crate::problem::Problem)),
    modifiers(&Bearer)
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_with(Default::default);
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("token", scheme);
    }
}

/// The document of every route.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let routes: OpenApiRouter<Shared> =
        OpenApiRouter::with_openapi(Document::openapi()).merge(protected()).merge(open());
    routes.into_openapi()
}

/// `GET /openapi.json`
pub(super) async fn serve(document: utoipa::openapi::OpenApi) -> impl IntoResponse {
    Json(document)
}
