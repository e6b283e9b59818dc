//! Sending and receiving bytes together with descriptors (unix(7), `SCM_RIGHTS`).

use crate::foreign_descriptor::{Charge, ForeignDescriptor, close_elsewhere};
use crate::{Incident, Violation};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

/// Descriptors that one receive has room for: as many as the kernel passes at once (`SCM_MAX_FD`). What there
/// is no room for it would close itself, in our thread.
const DESCRIPTOR_ROOM: usize = 253;

/// What one system call received.
pub(crate) struct Received {
    pub(crate) len: usize,
    pub(crate) descriptors: Descriptors,
}

impl Received {
    pub(crate) fn has_descriptors(&self) -> bool {
        !matches!(&self.descriptors, Descriptors::Whole(none) if none.is_empty())
    }

    /// How many bytes came where no descriptors belong.
    ///
    /// # Errors
    /// [`Violation`] if descriptors came.
    pub(crate) fn only_bytes(self) -> io::Result<usize> {
        if self.has_descriptors() {
            let what = "it sent descriptors where none belong";
            return Err(Violation::new(Incident::StrayDescriptors, what).into());
        }
        Ok(self.len)
    }
}

/// The descriptors that came with some bytes.
#[derive(Debug)]
pub(crate) enum Descriptors {
    /// None or one, as many as any record declares.
    Whole(Vec<ForeignDescriptor>),
    /// Some are missing: this process may have no more (`RLIMIT_NOFILE`).
    Lost,
    /// More than any record declares.
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
    let mut received: Vec<OwnedFd> = Vec::new();
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = part {
            received.extend(descriptors);
        }
    }
    let descriptors = if message.flags.contains(ReturnFlags::CTRUNC) {
        close_elsewhere(received, charge.clone());
        Descriptors::Lost
    } else if received.len() > 1 {
        close_elsewhere(received, charge.clone());
        Descriptors::TooMany
    } else {
        let owned = |descriptor| ForeignDescriptor::new(descriptor, charge.clone());
        Descriptors::Whole(received.into_iter().map(owned).collect())
    };
    Ok(Received {
        len: message.bytes,
        descriptors,
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
    receive(stream, buffer, charge)?.only_bytes()
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
