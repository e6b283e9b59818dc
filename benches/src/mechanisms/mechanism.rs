//! What every mechanism offers.

use crate::Result;
use clap::ValueEnum;
use std::any::Any;
use std::fmt;
use std::os::fd::OwnedFd;

/// The process that asks, and the one that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Side {
    Client,
    Server,
}

/// How a process waits for the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// In the kernel: the CPU is free meanwhile, and waking up takes its time.
    Sleeping,
    /// By looking again and again: quick, at the price of a CPU.
    Busy,
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sleeping => "sleeping",
            Self::Busy => "busy",
        })
    }
}

/// A way for two processes to pass messages.
pub(super) trait Mechanism {
    /// As in the table.
    fn name(&self) -> &'static str;

    fn waits(&self) -> Waits;

    /// Makes what two processes need to talk. An error is the reason why this machine cannot do it.
    fn prepare(&self) -> Result<Prepared>;

    /// Makes one end out of it, in the process that uses it. Both processes do so at the same time.
    fn open(&self, side: Side, handover: Handover) -> Result<Box<dyn End>>;
}

/// What [`Mechanism::prepare`] made.
pub(super) struct Prepared {
    pub(super) client: Handover,
    pub(super) server: Handover,
    /// What both need as long as they talk, undone by being dropped.
    pub(super) keep: Option<Box<dyn Any>>,
}

impl Prepared {
    /// Of two ends that need nothing but descriptors.
    pub(super) fn descriptors(client: Vec<OwnedFd>, server: Vec<OwnedFd>) -> Self {
        let handover = |descriptors| Handover {
            place: String::new(),
            descriptors,
        };
        Self {
            client: handover(client),
            server: handover(server),
            keep: None,
        }
    }

    /// Of two ends that find each other at a place.
    pub(super) fn place(place: String, keep: impl Any) -> Self {
        let mut prepared = Self::descriptors(Vec::new(), Vec::new());
        prepared.client.place = place.clone();
        prepared.server.place = place;
        prepared.keep = Some(Box::new(keep));
        prepared
    }
}

/// What a process gets to make its end.
#[derive(Debug)]
pub(super) struct Handover {
    /// A path, an address or a name, where the mechanism has one; without line breaks.
    pub(super) place: String,
    pub(super) descriptors: Vec<OwnedFd>,
}

impl Handover {
    /// The descriptors, if they are as many as expected.
    pub(super) fn take<const COUNT: usize>(self) -> Result<[OwnedFd; COUNT]> {
        let unexpected =
            |got: Vec<_>| format!("{} descriptors were handed over, not {COUNT}", got.len()).into();
        self.descriptors.try_into().map_err(unexpected)
    }
}

/// One end of a conversation. Both ends know which size comes next, so no mechanism needs to say it.
///
/// The client begins; after one or more messages of the client's the server answers with one.
pub(super) trait End {
    /// Sends the whole message, and waits where there is no room for it. It is left as it is: a `Vec` only
    /// because a mechanism may need to own it meanwhile.
    fn send(&mut self, message: &mut Vec<u8>) -> Result<()>;

    /// Waits for a message as long as `message`, and puts it there.
    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()>;
}
