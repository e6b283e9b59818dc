//! An end of whatever is read and written as a stream of bytes.

use super::mechanism::{End, Handover};
use crate::Result;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

pub(super) struct ByteStream {
    reader: File,
    writer: File,
}

impl ByteStream {
    pub(super) fn new(reader: OwnedFd, writer: OwnedFd) -> Self {
        Self {
            reader: reader.into(),
            writer: writer.into(),
        }
    }

    /// From a socket, which goes both ways.
    pub(super) fn over_socket(handover: Handover) -> Result<Self> {
        let [socket] = handover.take()?;
        Ok(Self::new(socket.try_clone()?, socket))
    }
}

impl End for ByteStream {
    fn send(&mut self, message: &mut Vec<u8>) -> Result<()> {
        Ok(self.writer.write_all(message)?)
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        Ok(self.reader.read_exact(message)?)
    }
}
