//! What a scenario needs of a transport, and the transport with what stands behind it.

use bytes::Bytes;
use http_body::Body as HttpBody;
use tonic::{body::Body, client::GrpcService, codegen::StdError};

use crate::{
    limits::MAX_MESSAGE,
    observer::Observer,
    proto::{
        test_service_client::TestServiceClient,
        unimplemented_service_client::UnimplementedServiceClient,
    },
};

/// Something that carries calls to a service: whatever a generated tonic client accepts, and that can be cloned and
/// moved to another task, as applications do with tonic's `Channel`. The one place for these bounds.
pub trait Reach:
    GrpcService<
        Body,
        Error: Into<StdError> + Send,
        ResponseBody: HttpBody<Data = Bytes, Error: Into<StdError> + Send> + Send + 'static,
        Future: Send,
    > + Clone
    + Send
    + Sync
    + 'static
{
}

impl<T> Reach for T where
    T: GrpcService<
            Body,
            Error: Into<StdError> + Send,
            ResponseBody: HttpBody<Data = Bytes, Error: Into<StdError> + Send> + Send + 'static,
            Future: Send,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

/// What a scenario examines: one transport, connected (or able to connect) to one test service.
#[derive(Clone, Debug)]
pub struct Subject<T> {
    transport: T,
    observer: Observer,
}

impl<T: Reach> Subject<T> {
    /// A `transport` that leads to the service that `observer` watches.
    pub fn new(transport: T, observer: Observer) -> Self {
        Self {
            transport,
            observer,
        }
    }

    /// A client whose messages may be as large as the service's ([`MAX_MESSAGE`]).
    pub fn client(&self) -> TestServiceClient<T> {
        self.client_with_default_limits()
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    }

    /// A client as tonic makes it: it refuses to receive messages above 4 MiB.
    pub fn client_with_default_limits(&self) -> TestServiceClient<T> {
        TestServiceClient::new(self.transport.clone())
    }

    /// A client of the service that no server has.
    pub fn unimplemented_client(&self) -> UnimplementedServiceClient<T> {
        UnimplementedServiceClient::new(self.transport.clone())
    }

    /// What the service saw.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }
}
