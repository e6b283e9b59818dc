//! Two services, each with one connection over a link of its own.

use tokio::time::timeout;
use tonic::service::Routes;

use super::{
    call::{Batch, Call},
    outcome::{End, Outcome},
    play::play,
};
use crate::{
    Bounded, Observer, Way,
    case::{MakeLink, Makers},
    limits::CALL_TIME,
    link::{Served, Settings, SharedLink},
    service::TestService,
};

/// The largest request that the services take, in bytes: some are larger.
const SERVICE_LIMIT: usize = 280 * 1024;

/// The reference and the link under test.
pub(super) struct Pair {
    reference: Side,
    tested: Side,
}

/// One of them.
struct Side {
    way: Way,
    observer: Observer,
    served: Served,
    _link: SharedLink,
}

impl Pair {
    pub(super) async fn new(makers: Makers) -> Self {
        Self {
            reference: Side::new(makers.reference).await,
            tested: Side::new(makers.tested).await,
        }
    }

    /// Plays `sequence` over both, and tells the first difference.
    pub(super) async fn play(&self, sequence: &[Batch]) -> Result<(), String> {
        for (number, batch) in sequence.iter().enumerate() {
            let (expected, found) =
                tokio::join!(self.reference.play(batch), self.tested.play(batch));
            let answers = expected.iter().zip(&found);
            for (index, (call, (expected, found))) in batch.iter().zip(answers).enumerate() {
                if expected != found || expected.end == End::StillRunning {
                    return Err(format!(
                        "call {index} of batch {number}, {call:#?}\nshould give {expected:#?}\nbut gives {found:#?}"
                    ));
                }
            }
        }
        idle("the reference", &self.reference.observer).await?;
        idle("the link under test", &self.tested.observer).await
    }

    /// Waits for the services to end.
    pub(super) async fn end(self) {
        self.reference.end().await;
        self.tested.end().await;
    }
}

impl Side {
    async fn new(make: MakeLink) -> Self {
        let bounded = Bounded::start("as_over_stock_uds");
        let link = make();
        let service = TestService::new();
        let observer = service.observer();
        let routes = Routes::new(service.with_limit(SERVICE_LIMIT));
        let served = link.serve(routes, Settings::default());
        let served = bounded.wait("the service to be up", served).await;
        let way = link.connect(Settings::default());
        let way = bounded.wait("the connection", way).await;
        Self {
            way: way.expect("a connection"),
            observer,
            served,
            _link: link,
        }
    }

    /// Makes all calls of `batch` at once.
    async fn play(&self, batch: &Batch) -> Vec<Outcome> {
        let one = |call: &Call| {
            let (way, call) = (self.way.clone(), call.clone());
            tokio::spawn(async move {
                timeout(CALL_TIME, play(way, &call))
                    .await
                    .unwrap_or_else(|_| Outcome::unknown(End::StillRunning))
            })
        };
        let calls: Vec<_> = batch.iter().map(one).collect();
        let mut outcomes = Vec::with_capacity(calls.len());
        for call in calls {
            outcomes.push(call.await.expect("a client that does not panic"));
        }
        outcomes
    }

    async fn end(self) {
        let Self { way, served, .. } = self;
        drop(way);
        served
            .stop()
            .end(&Bounded::start("as_over_stock_uds"))
            .await;
    }
}

/// Waits until a service has noticed the end of all calls.
async fn idle(whose: &str, observer: &Observer) -> Result<(), String> {
    timeout(CALL_TIME, observer.idle()).await.map_err(|_| {
        format!(
            "the service of {whose} still works at a call: {:?}",
            observer.counts()
        )
    })
}
