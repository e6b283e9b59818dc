//! Two FIFOs in a folder (fifo(7)).

use super::byte_stream::ByteStream;
use super::mechanism::{End, Handover, Mechanism, Prepared, Side, Waits};
use crate::Result;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs::File;
use std::path::Path;
use tempfile::TempDir;

const TO_SERVER: &str = "to-server";
const TO_CLIENT: &str = "to-client";

pub(super) struct Fifo;

impl Mechanism for Fifo {
    fn name(&self) -> &'static str {
        "FIFO"
    }

    fn waits(&self) -> Waits {
        Waits::Sleeping
    }

    fn prepare(&self) -> Result<Prepared> {
        let folder = TempDir::new()?;
        for name in [TO_SERVER, TO_CLIENT] {
            let mode = Mode::RUSR | Mode::WUSR;
            mknodat(CWD, folder.path().join(name), FileType::Fifo, mode, 0)?;
        }
        let place = folder
            .path()
            .to_str()
            .ok_or("a folder that is not UTF-8")?
            .to_owned();
        Ok(Prepared::place(place, folder))
    }

    fn open(&self, side: Side, handover: Handover) -> Result<Box<dyn End>> {
        let folder = Path::new(&handover.place);
        let read = |name| File::open(folder.join(name));
        let write = |name| File::options().write(true).open(folder.join(name));
        // Opening waits for the other side, so both begin with the same one.
        let (reader, writer) = match side {
            Side::Client => {
                let writer = write(TO_SERVER)?;
                (read(TO_CLIENT)?, writer)
            }
            Side::Server => (read(TO_SERVER)?, write(TO_CLIENT)?),
        };
        Ok(Box::new(ByteStream::new(reader.into(), writer.into())))
    }
}
