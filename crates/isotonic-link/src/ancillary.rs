//! Sending and receiving bytes together with descriptors (unix(7), `SCM_RIGHTS`).

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
    pub(crate) descriptors: Vec<OwnedFd>,
    /// Some descriptors did not fit and were dropped by the kernel.
    pub(crate) cut: bool,
}

/// Receives what is there, without blocking; `WouldBlock` if that is nothing.
pub(crate) fn receive(stream: impl AsFd, buffer: &mut [u8]) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTOR_ROOM))];
    // Owns each descriptor from the system call on: those not taken out are closed on drop.
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let message = recvmsg(stream, &mut [IoSliceMut::new(buffer)], &mut control, flags)?;
    let mut descriptors = Vec::new();
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = part {
            descriptors.extend(received);
        }
    }
    Ok(Received {
        len: message.bytes,
        descriptors,
        cut: message.flags.contains(ReturnFlags::CTRUNC),
    })
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
