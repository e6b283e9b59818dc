//! The protocol that two isotonic sides speak on a Unix socket, without any I/O of its own.
//!
//! ```text
//! client                                   server
//!   Hello  ---------------------------------->       "I am isotonic; versions, features"
//!          <----------------------------------  Welcome
//!
//!   Welcome agreed on shared memory?  no: the socket carries plain bytes from here on.
//!   yes: the socket carries records from here on:
//!
//!   Data   <--------------------------------->  Data   the stream, while the link is not busy
//!   Attach + fd  ---------------------------->         "here is my segment" (the client decides when)
//!          <----------------------------------  Attached + fd | Refused
//!   Moved  ----------------------------------> | Refused     "my bytes are in my ring from here on"
//!          <----------------------------------  Moved
//!   Doorbell <------------------------------->  Doorbell     wakes a peer that said that it sleeps
//!   Close  <--------------------------------->  Close        the end of one direction
//! ```
//!
//! A direction's bytes travel in `Data` records up to its `Moved` and in its ring afterwards, so their
//! order is never in doubt and neither side has to stop while the link moves. `Refused` in place of
//! `Attached` or `Moved` leaves the link on the socket for good.

#[cfg(target_os = "linux")]
pub(crate) mod attachment;
pub(crate) mod hello;
#[cfg(target_os = "linux")]
pub(crate) mod record;
