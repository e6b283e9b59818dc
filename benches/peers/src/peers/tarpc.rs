//! tarpc: Rust's own types over a Unix socket, in bincode.

use crate::client::Caller;
use crate::{Result, payload};
use futures_util::StreamExt;
use serde_bytes::ByteBuf;
use std::path::Path;
use tarpc::serde_transport::unix;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::{client, context};

#[tarpc::service]
trait Blocks {
    /// An error instead of the answer is told in its place.
    async fn exchange(request: ByteBuf) -> std::result::Result<ByteBuf, String>;
}

#[derive(Clone)]
struct Service;

impl Blocks for Service {
    async fn exchange(
        self,
        _: context::Context,
        request: ByteBuf,
    ) -> std::result::Result<ByteBuf, String> {
        let first = payload::check_request(&request).map_err(|error| error.to_string())?;
        Ok(ByteBuf::from(payload::filled(request.len(), first)))
    }
}

pub(super) async fn serve(folder: &Path, ready: impl FnOnce()) -> Result<()> {
    let mut incoming = unix::listen(folder.join("socket"), Bincode::default).await?;
    ready();
    while let Some(transport) = incoming.next().await {
        let calls = BaseChannel::with_defaults(transport?).execute(Service.serve());
        tokio::spawn(calls.for_each(|call| async {
            tokio::spawn(call);
        }));
    }
    Ok(())
}

pub(super) async fn connect(folder: &Path) -> Result<TarpcCaller> {
    let transport = unix::connect(folder.join("socket"), Bincode::default).await?;
    let client = BlocksClient::new(client::Config::default(), transport).spawn();
    Ok(TarpcCaller(client))
}

pub(super) struct TarpcCaller(BlocksClient);

impl Caller for TarpcCaller {
    async fn call(&mut self, number: u64, bytes: usize) -> Result<()> {
        let request = ByteBuf::from(payload::filled(bytes, number));
        let answer = self.0.exchange(context::current(), request).await??;
        payload::check(&answer, bytes, payload::answer_to(number))
    }
}
