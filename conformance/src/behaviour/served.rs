//! What a scenario serves itself, instead of the test service as it is.

use tonic::service::Routes;

use crate::{
    Bounded, Way,
    link::{Served, Settings, SharedLink},
};

/// Services of the scenario's own, the way to them, and the time that the scenario has.
pub(super) struct Serving {
    pub(super) bounded: Bounded,
    served: Served,
    way: Way,
}

impl Serving {
    /// Serves `routes` over `link`.
    pub(super) async fn start(scenario: &'static str, link: &SharedLink, routes: Routes) -> Self {
        let bounded = Bounded::start(scenario);
        let serving = link.serve(routes, Settings::default());
        let served = bounded.wait("the service to be up", serving).await;
        let connected = link.connect(Settings::default());
        let way = bounded.wait("the connection", connected).await;
        Self {
            bounded,
            served,
            way: way.expect("a connection"),
        }
    }

    /// The one way: over a connection that lasts until the end.
    pub(super) fn way(&self) -> Way {
        self.way.clone()
    }

    /// Ends it. Every client must be gone: the server waits for their connection.
    pub(super) async fn end(self) {
        drop(self.way);
        self.served.stop().end(&self.bounded).await;
    }
}
