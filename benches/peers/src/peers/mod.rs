//! The peers. Each has a server and a [`Caller`](crate::client::Caller).

mod grpc;
mod iceoryx;
mod shmipc;
mod tarpc;
mod ttrpc;

use crate::Result;
use crate::processes::obey;
use clap::ValueEnum;
use std::path::Path;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::UnboundedReceiver;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    IsotonicShm,
    TonicUds,
    Ttrpc,
    Tarpc,
    ShmipcSocket,
    ShmipcEventfd,
    IceoryxEvents,
    IceoryxBusy,
}

impl Peer {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied()
    }

    /// As in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::IsotonicShm => "isotonic, shared memory",
            Self::TonicUds => "tonic, Unix socket",
            Self::Ttrpc => "ttrpc, Unix socket",
            Self::Tarpc => "tarpc, Unix socket",
            Self::ShmipcSocket => "shmipc, socket wakes",
            Self::ShmipcEventfd => "shmipc v4, eventfd wakes",
            Self::IceoryxEvents => "iceoryx2, events wake",
            Self::IceoryxBusy => "iceoryx2, busy",
        }
    }

    /// How a side waits for the other.
    pub(crate) fn waits(self) -> &'static str {
        match self {
            Self::IsotonicShm => "polls, then sleeps",
            Self::IceoryxBusy => "busy",
            _ => "sleeps",
        }
    }

    /// What is sent.
    pub(crate) fn format(self) -> &'static str {
        match self {
            Self::IsotonicShm | Self::TonicUds => "gRPC, protobuf",
            Self::Ttrpc => "protobuf",
            Self::Tarpc => "bincode",
            Self::ShmipcSocket | Self::ShmipcEventfd => "bytes",
            Self::IceoryxEvents | Self::IceoryxBusy => "words",
        }
    }

    /// Whether the server ends by itself when its client leaves, because it has to clean up.
    pub(crate) fn ends_with_its_client(self) -> bool {
        matches!(self, Self::IceoryxEvents | Self::IceoryxBusy)
    }

    /// As on the command line.
    pub(crate) fn argument(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Serves, and calls `ready` once clients may come. Asynchronous peers have tokio's default runtime, as services
    /// have.
    pub(crate) fn serve(self, folder: &Path, ready: impl FnOnce()) -> Result<()> {
        let runtime = Runtime::new()?;
        match self {
            Self::IsotonicShm => runtime.block_on(grpc::serve_isotonic(folder, ready)),
            Self::TonicUds => runtime.block_on(grpc::serve_tonic(folder, ready)),
            Self::Ttrpc => runtime.block_on(ttrpc::serve(folder, ready)),
            Self::Tarpc => runtime.block_on(tarpc::serve(folder, ready)),
            Self::ShmipcSocket | Self::ShmipcEventfd => {
                runtime.block_on(shmipc::serve(folder, ready))
            }
            Self::IceoryxEvents => iceoryx::serve(folder, iceoryx::Waiting::Events, ready),
            Self::IceoryxBusy => iceoryx::serve(folder, iceoryx::Waiting::Busy, ready),
        }
    }

    /// Connects, and carries out orders. On a worker of the runtime, as in a service: the main thread is not one.
    pub(crate) fn call(self, folder: &Path, orders: UnboundedReceiver<String>) -> Result<()> {
        let folder = folder.to_owned();
        let runtime = Runtime::new()?;
        let task = match self {
            Self::IsotonicShm => {
                runtime.spawn(async move { obey(grpc::isotonic(&folder).await?, orders).await })
            }
            Self::TonicUds => {
                runtime.spawn(async move { obey(grpc::tonic(&folder).await?, orders).await })
            }
            Self::Ttrpc => {
                runtime.spawn(async move { obey(ttrpc::connect(&folder).await?, orders).await })
            }
            Self::Tarpc => {
                runtime.spawn(async move { obey(tarpc::connect(&folder).await?, orders).await })
            }
            Self::ShmipcSocket | Self::ShmipcEventfd => runtime.spawn(async move {
                let wakes = match self {
                    Self::ShmipcEventfd => shmipc::Wakes::Eventfd,
                    _ => shmipc::Wakes::Socket,
                };
                obey(shmipc::connect(&folder, wakes).await?, orders).await
            }),
            // These wait without the runtime, and belong to one thread.
            Self::IceoryxEvents => {
                let caller = iceoryx::connect(&folder, iceoryx::Waiting::Events)?;
                return runtime.block_on(obey(caller, orders));
            }
            Self::IceoryxBusy => {
                let caller = iceoryx::connect(&folder, iceoryx::Waiting::Busy)?;
                return runtime.block_on(obey(caller, orders));
            }
        };
        runtime.block_on(task)?
    }
}
