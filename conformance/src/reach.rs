//! A way to reach a service: all that a scenario needs of a client's side.

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tonic::{body::Body, codegen::StdError};
use tower::{Service, ServiceExt, util::BoxCloneSyncService};

/// Carries calls to a service: whatever a generated tonic client accepts, and that can be cloned and moved to another
/// task, as applications do with tonic's `Channel`. The one place for these bounds.
pub trait Reach:
    Service<Request<Body>, Response = Response<Self::Answer>, Error: Into<StdError>, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
    /// The body of a response.
    type Answer: HttpBody<Data = Bytes, Error: Into<StdError>> + Send + 'static;
}

impl<T, B> Reach for T
where
    T: Service<Request<Body>, Response = Response<B>, Error: Into<StdError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    B: HttpBody<Data = Bytes, Error: Into<StdError>> + Send + 'static,
{
    type Answer = B;
}

/// Some [`Reach`], of whatever type: so that one list of scenarios serves all of them.
pub type Way = BoxCloneSyncService<Request<Body>, Response<Body>, WayError>;

/// Why a call could not be carried.
#[derive(Debug, thiserror::Error)]
#[error("the call was not carried")]
pub struct WayError(#[source] pub StdError);

/// Forgets the type of a [`Reach`].
pub fn way(reach: impl Reach) -> Way {
    let whole = reach
        .map_response(|response: Response<_>| response.map(Body::new))
        .map_err(|error| WayError(error.into()));
    BoxCloneSyncService::new(whole)
}
