//! A case: a scenario with its name, and how to run it over a link.

use std::pin::Pin;

use crate::{
    Bounded, Subject,
    link::{Settings, SharedLink},
    service::TestService,
};

/// A scenario under way.
pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a scenario needs.
#[derive(Clone, Copy, Debug)]
pub enum Scenario {
    /// A way to a test service.
    Calls(fn(Subject) -> Running),
    /// The link itself: it serves what it wants and connects as often as it wants.
    Link(fn(SharedLink) -> Running),
    /// Links like this one, and like the one that all others are held against; makes of both as many as it wants.
    Comparison(fn(Makers) -> Running),
}

/// Makes a link that nobody serves on yet.
pub type MakeLink = fn() -> SharedLink;

/// Links that a scenario compares.
#[derive(Clone, Copy, Debug)]
pub struct Makers {
    /// One whose answers count as right.
    pub reference: MakeLink,
    /// The one under test.
    pub tested: MakeLink,
}

/// One thing to find out about a link.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name, which is that of the scenario's function.
    pub name: &'static str,
    /// What it runs.
    pub scenario: Scenario,
    /// Where tonic over HTTP/2 answers otherwise than gRPC demands: what it does instead, and why. The scenario expects that.
    pub deviation: Option<&'static str>,
}

impl Case {
    /// Runs it over a link. Where it needs a test service only, it has to leave no call behind, and the connection has to
    /// end when the client is gone.
    ///
    /// # Panics
    ///
    /// When the link fails the scenario.
    pub async fn run(&self, makers: Makers) {
        match self.scenario {
            Scenario::Comparison(scenario) => scenario(makers).await,
            Scenario::Link(scenario) => scenario((makers.tested)()).await,
            Scenario::Calls(scenario) => {
                let link = (makers.tested)();
                let bounded = Bounded::start(self.name);
                let service = TestService::new();
                let observer = service.observer();
                let served = link.serve(service.into_routes(), Settings::default());
                let served = bounded.wait("the service to be up", served).await;
                let way = link.connect(Settings::default());
                let way = bounded.wait("the connection", way).await;
                scenario(Subject::new(way.expect("a connection"), observer.clone())).await;

                let bounded = Bounded::start(self.name);
                bounded
                    .wait("the service to end its last call", observer.idle())
                    .await;
                // The scenario has dropped the last handle of the way, so the server's graceful end has to come by itself.
                served.stop().end(&bounded).await;
            }
        }
    }
}

/// Makes a list of cases from the names of scenarios; `: "..."` states a deviation.
macro_rules! cases {
    ($kind:ident: $($module:ident::$scenario:ident $(: $deviation:literal)?),* $(,)?) => {
        &[$(
            $crate::case::Case {
                name: stringify!($scenario),
                scenario: $crate::case::Scenario::$kind(|subject| Box::pin($module::$scenario(subject))),
                deviation: $crate::case::deviation!($($deviation)?),
            },
        )*]
    };
}

macro_rules! deviation {
    () => {
        None
    };
    ($deviation:literal) => {
        Some($deviation)
    };
}

pub(crate) use {cases, deviation};
