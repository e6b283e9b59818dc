//! What most scenarios examine: one way to one test service.

use crate::{
    limits::MAX_MESSAGE,
    observer::Observer,
    proto::{
        test_service_client::TestServiceClient,
        unimplemented_service_client::UnimplementedServiceClient,
    },
    reach::Way,
};

/// A way to a test service, and eyes at the other end if it is our own.
#[derive(Clone, Debug)]
pub struct Subject {
    way: Way,
    observer: Option<Observer>,
}

impl Subject {
    /// A `way` that leads to the service that `observer` watches.
    pub fn new(way: Way, observer: Observer) -> Self {
        Self {
            way,
            observer: Some(observer),
        }
    }

    /// A `way` that leads to somebody else's service: good for the official cases, which look at answers only.
    pub fn foreign(way: Way) -> Self {
        Self {
            way,
            observer: None,
        }
    }

    /// The way itself.
    pub fn way(&self) -> Way {
        self.way.clone()
    }

    /// A client whose messages may be as large as the service's ([`MAX_MESSAGE`]).
    pub fn client(&self) -> TestServiceClient<Way> {
        self.client_with_default_limits()
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    }

    /// A client as tonic makes it: it refuses to receive messages above 4 MiB.
    pub fn client_with_default_limits(&self) -> TestServiceClient<Way> {
        TestServiceClient::new(self.way())
    }

    /// A client of the service that no server has.
    pub fn unimplemented_client(&self) -> UnimplementedServiceClient<Way> {
        UnimplementedServiceClient::new(self.way())
    }

    /// What the service saw.
    ///
    /// # Panics
    ///
    /// When it is somebody else's.
    pub fn observer(&self) -> &Observer {
        self.watched().expect("a service of our own")
    }

    /// What the service saw, if it is our own.
    pub fn watched(&self) -> Option<&Observer> {
        self.observer.as_ref()
    }
}
