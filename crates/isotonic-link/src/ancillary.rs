//! Sending and receiving bytes together with descriptors (unix(7), `SCM_RIGHTS`).

use crate::foreign_descriptor::{Charge, ForeignDescriptor};
use crate::{Incident, Violation};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

/// Descriptors that one receive has room for: one more than any record declares, so that a surplus is
/// seen, owned and closed instead of cut off.
const DESCRIPTOR_ROOM: usize = 2;

/// What one system call received.
pub(crate) struct Received {
    pub(crate) len: usize,
    pub(crate) descriptors: Descriptors,
}

/// The descriptors that came with some bytes.
#[derive(Debug)]
pub(crate) enum Descriptors {
    /// These, in order; at most as many as there is room for.
    Whole(Vec<ForeignDescriptor>),
    /// Fewer than there was room for, and yet some are missing: this process may have no more
    /// (`RLIMIT_NOFILE`).
    Lost,
    /// More than there was room for.
    TooMany,
}

/// Receives what is there, without blocking; `WouldBlock` if that is nothing. Descriptors are charged to
/// `charge`.
pub(crate) fn receive(
    stream: impl AsFd,
    buffer: &mut [u8],
    charge: &Charge,
) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTOR_ROOM))];
    // Owns each descriptor from the system call on: those not taken out are closed on drop.
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let message = recvmsg(stream, &mut [IoSliceMut::new(buffer)], &mut control, flags)?;
    let mut received = Vec::new();
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = part {
            let owned = |descriptor| ForeignDescriptor::new(descriptor, charge.clone());
            received.extend(descriptors.map(owned));
        }
    }
    let cut = message.flags.contains(ReturnFlags::CTRUNC);
    Ok(Received {
        len: message.bytes,
        descriptors: match (cut, received.len() < DESCRIPTOR_ROOM) {
            (false, _) => Descriptors::Whole(received),
            (true, true) => Descriptors::Lost,
            (true, false) => Descriptors::TooMany,
        },
    })
}

/// Receives what is there where no descriptors belong, without blocking.
///
/// # Errors
/// `WouldBlock` if nothing is there; [`Violation`] if descriptors came. A plain `recv` would have the kernel
/// close them, which can block (a lingering socket), and tell nobody.
pub(crate) fn receive_bytes(
    stream: impl AsFd,
    buffer: &mut [u8],
    charge: &Charge,
) -> io::Result<usize> {
    let received = receive(stream, buffer, charge)?;
    match received.descriptors {
        Descriptors::Whole(none) if none.is_empty() => Ok(received.len),
        Descriptors::Whole(_) | Descriptors::Lost | Descriptors::TooMany => Err(Violation::new(
            Incident::StrayDescriptors,
            "it sent descriptors where none belong",
        )
        .into()),
    }
}

/// Sends what fits, without blocking; `WouldBlock` if that is nothing. The descriptor goes with the first
/// byte.
pub(crate) fn send(
    stream: impl AsFd,
    slices: &[IoSlice<'_>],
    descriptor: Option<&OwnedFd>,
) -> io::Result<usize> {
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let borrowed = descriptor.map(|descriptor| [descriptor.as_fd()]);
    if let Some(descriptors) = &borrowed
        && !control.push(SendAncillaryMessage::ScmRights(descriptors))
    {
        return Err(Errno::NOMEM.into());
    }
    Ok(sendmsg(stream, slices, &mut control, flags)?)
}
