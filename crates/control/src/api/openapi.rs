//! The OpenAPI document.

use axum::{Json, response::IntoResponse};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        RefOr,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

use super::{Shared, open, protected};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Banyan admin API",
        description = "Where units stand, how they are moved, and how the gateway does; rollouts on evidence, and the nodes that share a store; flags for applications; breakers and faults made on \
                       purpose, which are switched for a while and never stored; what is kept of answers, throwing \
                       it away and fetching it before it is asked for. Errors are \
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
    let mut document = routes.into_openapi();
    describe(&mut document);
    document
}

/// Gives every response the description that OpenAPI 3.1 (section 4.8.17) requires. A status means the same on every
/// route, so it is said here once.
fn describe(document: &mut utoipa::openapi::OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten()
        {
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response
                    && response.description.is_empty()
                {
                    meaning(status).clone_into(&mut response.description);
                }
            }
        }
    }
}

/// What a status says in this API.
fn meaning(status: &str) -> &'static str {
    match status {
        "200" => "Done, and how it stands now.",
        "204" => "Done, and nothing is left of it.",
        "202" => "Begun; it goes on after the answer.",
        "400" => "The request is not valid; nothing was changed.",
        "401" => "The token is missing or wrong.",
        "404" => "There is no such unit, flag, upstream, route or cache.",
        "409" => {
            "What stands now does not allow it, such as a unit that is held, a key that is retired, faults in production, or a cache that is \
             being filled already; nothing was changed."
        }
        "412" => "The unit or flag is not at the version of `If-Match` any more; nothing was changed.",
        "413" => "The body is too large; nothing was changed.",
        "422" => "The config file or the flag is not valid; what was there before stays.",
        "503" => "Not available now; the detail says why.",
        _ => "See the body.",
    }
}

/// `GET /openapi.json`
pub(super) async fn serve(document: utoipa::openapi::OpenApi) -> impl IntoResponse {
    Json(document)
}
