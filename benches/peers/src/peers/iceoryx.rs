//! iceoryx2's request and response: payloads are written and read in the shared memory itself. It does not wait by
//! itself: either an event tells the other side to look, or both look again and again.

use crate::client::Caller;
use crate::{LARGEST, Result, payload};
use iceoryx2::port::client::Client;
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::server::Server;
use iceoryx2::prelude::{Config, Node, NodeBuilder, Path, SemanticString, ServiceName, ipc};
use std::error::Error;
use std::fmt::Debug;
use std::hint::spin_loop;

/// The longest payload.
const WORDS: usize = LARGEST / size_of::<u64>();

/// The only word of the request that ends the server, so that it cleans up after itself.
const LEAVE: u64 = u64::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    Events,
    Busy,
}

/// Its errors are types of their own, many of which are no `Error`.
fn told(error: impl Debug) -> Box<dyn Error + Send + Sync> {
    format!("iceoryx2: {error:?}").into()
}

/// Files in `folder`, and names that follow from it.
struct Services {
    node: Node<ipc::Service>,
    name: String,
}

impl Services {
    fn new(folder: &std::path::Path) -> Result<Self> {
        let mut config = Config::default();
        let path = folder.to_str().ok_or("a folder that is not UTF-8")?;
        let root = Path::new(path.as_bytes()).map_err(told)?;
        config.global.set_root_path(&root);
        let node = NodeBuilder::new().config(&config).create().map_err(told)?;
        let name = path.to_owned();
        Ok(Self { node, name })
    }

    fn name(&self, of: &str) -> Result<ServiceName> {
        format!("{}/{of}", self.name)
            .as_str()
            .try_into()
            .map_err(told)
    }

    /// Who tells the listener of the other process, and our own listener.
    fn events(&self, outgoing: &str, incoming: &str) -> Result<Events> {
        let event = |name| {
            let builder = self.node.service_builder(&self.name(name)?).event();
            builder.open_or_create().map_err(told)
        };
        let notifier = event(outgoing)?.notifier_builder().create().map_err(told)?;
        let listener = event(incoming)?.listener_builder().create().map_err(told)?;
        Ok(Events { notifier, listener })
    }
}

struct Events {
    notifier: Notifier<ipc::Service>,
    listener: Listener<ipc::Service>,
}

/// Tells the other side, if it sleeps.
fn tell(events: Option<&Events>) -> Result<()> {
    if let Some(events) = events {
        events.notifier.notify().map_err(told)?;
    }
    Ok(())
}

/// Waits before the next look. Whatever happened since the last one ends it at once.
fn wait(events: Option<&Events>) -> Result<()> {
    match events {
        Some(events) => events
            .listener
            .blocking_wait(|_| ())
            .map_err(told)
            .map(drop),
        None => {
            spin_loop();
            Ok(())
        }
    }
}

const EXCHANGE: &str = "exchange";
const TO_SERVER: &str = "to-server";
const TO_CLIENT: &str = "to-client";

/// Serves until the client leaves.
pub(super) fn serve(
    folder: &std::path::Path,
    waiting: Waiting,
    ready: impl FnOnce(),
) -> Result<()> {
    let services = Services::new(folder)?;
    let events = match waiting {
        Waiting::Events => Some(services.events(TO_CLIENT, TO_SERVER)?),
        Waiting::Busy => None,
    };
    let service = services
        .node
        .service_builder(&services.name(EXCHANGE)?)
        .request_response::<[u64], [u64]>()
        .open_or_create()
        .map_err(told)?;
    let server = service
        .server_builder()
        .initial_max_slice_len(WORDS)
        .create()
        .map_err(told)?;
    ready();
    while answer_what_is_there(&server, events.as_ref())? {
        wait(events.as_ref())?;
    }
    Ok(())
}

type IpcServer = Server<ipc::Service, [u64], (), [u64], ()>;
type IpcClient = Client<ipc::Service, [u64], (), [u64], ()>;

/// Returns whether there is more to come.
fn answer_what_is_there(server: &IpcServer, events: Option<&Events>) -> Result<bool> {
    while let Some(request) = server.receive().map_err(told)? {
        let words = request.payload();
        let first = *words.first().ok_or("a request of no words")?;
        payload::check_words(words.iter().copied(), first)?;
        let first = payload::answer_to(first);
        let answer = request.loan_slice_uninit(words.len()).map_err(told)?;
        let answer = answer.write_from_fn(|index| payload::word(first, index));
        let leaves = words == [LEAVE];
        answer.send().map_err(told)?;
        tell(events)?;
        if leaves {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn connect(folder: &std::path::Path, waiting: Waiting) -> Result<IceoryxCaller> {
    let services = Services::new(folder)?;
    let events = match waiting {
        Waiting::Events => Some(services.events(TO_SERVER, TO_CLIENT)?),
        Waiting::Busy => None,
    };
    let service = services
        .node
        .service_builder(&services.name(EXCHANGE)?)
        .request_response::<[u64], [u64]>()
        .open_or_create()
        .map_err(told)?;
    let client = service
        .client_builder()
        .initial_max_slice_len(WORDS)
        .create()
        .map_err(told)?;
    Ok(IceoryxCaller {
        client,
        events,
        _services: services,
    })
}

pub(super) struct IceoryxCaller {
    client: IpcClient,
    events: Option<Events>,
    _services: Services,
}

impl IceoryxCaller {
    /// Sends a request of so many words, and checks the answer.
    fn exchange(&self, first: u64, words: usize) -> Result<()> {
        let request = self.client.loan_slice_uninit(words).map_err(told)?;
        let request = request.write_from_fn(|index| payload::word(first, index));
        let pending = request.send().map_err(told)?;
        let events = self.events.as_ref();
        tell(events)?;
        let answer = loop {
            match pending.receive().map_err(told)? {
                Some(answer) => break answer,
                None => wait(events)?,
            }
        };
        let first = payload::answer_to(first);
        payload::check_words(answer.payload().iter().copied(), first)?;
        if answer.payload().len() == words {
            Ok(())
        } else {
            Err("an answer came of another size".into())
        }
    }
}

impl Caller for IceoryxCaller {
    async fn call(&mut self, number: u64, bytes: usize) -> Result<()> {
        self.exchange(number, bytes / size_of::<u64>())
    }

    fn leave(&mut self) -> Result<()> {
        self.exchange(LEAVE, 1)
    }
}
