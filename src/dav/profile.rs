//! `GET /dav/profile.mobileconfig`: the caller's account, ready to install on Apple devices. The file holds no password;
//! the device asks for it.

use super::DavDoor;
use super::caller::Caller;
use super::error::DavError;
use super::path::Resource;
use crate::manage::profile::Account;
use crate::manage::profile::CONTENT_TYPE;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web;

/// Answers whoever signs in with their own profile.
pub(super) async fn serve(request: HttpRequest, door: web::Data<DavDoor>) -> HttpResponse {
    answer(&request, door).await.unwrap_or_else(|error| {
        if let DavError::Failed(cause) = &error {
            tracing::error!(error = %cause, "a profile could not be made");
        }
        error.response()
    })
}

async fn answer(request: &HttpRequest, door: web::Data<DavDoor>) -> Result<HttpResponse, DavError> {
    let door = door.into_inner();
    let here = Resource::Root { at: request.uri().path().to_owned() };
    let caller = Caller::enter_afresh(&door, request.headers(), &here).await?;
    let principal = caller.resource().href();
    let account = Account {
        login: &caller.principal.login,
        name: &format!("Rooms of {}", caller.home.name),
        principal: &principal,
    };
    let file = door
        .profiles
        .file(&account, door.clock.now())
        .map_err(|error| DavError::Failed(format!("the profile cannot be made: {error}")))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, CONTENT_TYPE))
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"rooms.mobileconfig\""))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(file))
}
