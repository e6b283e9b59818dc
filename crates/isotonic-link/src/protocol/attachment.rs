//! How a link moves into shared memory: which step may follow which, on either side.
//!
//! ```text
//! client:  NotYet --offer()--> Offered --Attached--> Moving --Moved--> Done
//!                                 |  \--(theirs is not acceptable)--> Done
//!                                 \--Refused--> Done
//! server:  NotYet --Attach--> Accepted --Moved--> Done
//!            |                    \--Refused--> Done
//!            \--Attach (cannot, or theirs is not acceptable)--> Done
//! ```
//!
//! Each state holds what the earlier ones proved: rings exist from the moment on that both segments
//! are mapped, and a half of them is handed out when the records say that its direction has moved.

use super::record::{Control, Segment};
use crate::quota::{Mapped, Memory};
use crate::reason::{Reason, Refusal};
use isotonic_shm::{Consumer, OwnSegment, PeerSegment, Producer, RingCapacity, rings};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Which side of the handshake we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// One link's way into shared memory.
#[derive(Debug)]
pub(crate) struct Attachment {
    role: Role,
    state: State,
    /// Of our own ring.
    capacity: RingCapacity,
    /// Of the peer's ring at most, in bytes.
    largest: u64,
    /// What the peer's user has left, if that is limited.
    memory: Option<Memory>,
    /// What this link has taken of it.
    mapped: Option<Mapped>,
}

#[derive(Debug)]
enum State {
    /// Nothing has been said yet.
    NotYet,
    /// The client has sent its segment.
    Offered(OwnSegment),
    /// The server has mapped the client's segment and sent its own.
    Accepted(Producer, Consumer),
    /// The client writes into its ring and waits for the server to do the same.
    Moving(Consumer),
    /// Nothing more will be said, for better or worse.
    Done,
}

/// What has to happen after a record was handled, in this order.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// To be sent.
    pub(crate) send: Option<Control>,
    /// Our bytes go into this ring, after everything sent so far.
    pub(crate) outbound: Option<Producer>,
    /// The peer's bytes come out of this ring, after everything received so far.
    pub(crate) inbound: Option<Consumer>,
    /// The link stays on the socket.
    pub(crate) stay: Option<Reason>,
}

/// A record that cannot come now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an unexpected record `{record}`")]
pub(crate) struct OutOfOrder {
    record: &'static str,
}

impl Attachment {
    pub(crate) fn new(role: Role, capacity: RingCapacity, largest: u64) -> Self {
        Self {
            role,
            state: State::NotYet,
            capacity,
            largest,
            memory: None,
            mapped: None,
        }
    }

    /// Both segments are to be taken from this memory.
    pub(crate) fn limited_to(mut self, memory: Option<Memory>) -> Self {
        self.memory = memory;
        self
    }

    /// Whether the client may still [`offer`](Self::offer).
    pub(crate) fn may_offer(&self) -> bool {
        self.role == Role::Client && matches!(self.state, State::NotYet)
    }

    /// Whether it is decided that the link moves, or that it does not.
    pub(crate) fn is_decided(&self) -> bool {
        matches!(self.state, State::Moving(_) | State::Done)
    }

    /// The client's first step: creates our segment and offers it.
    pub(crate) fn offer(&mut self) -> Outcome {
        debug_assert!(self.may_offer());
        match OwnSegment::create(self.capacity) {
            Ok((own, segment)) => {
                self.state = State::Offered(own);
                Outcome {
                    send: Some(Control::Attach {
                        capacity: self.capacity.bytes() as u64,
                        segment: Segment::Own(segment),
                    }),
                    ..Outcome::default()
                }
            }
            Err(error) => {
                self.state = State::Done;
                Outcome {
                    stay: Some(Reason::NoMemory(error)),
                    ..Outcome::default()
                }
            }
        }
    }

    /// The record with our segment could not be sent. A peer that has answered it all the same has
    /// answered what it cannot know.
    pub(crate) fn not_sent(&mut self, error: &io::Error) -> Result<Outcome, OutOfOrder> {
        let send = match std::mem::replace(&mut self.state, State::Done) {
            // Nobody has heard of the offer, so there is nothing to take back.
            State::Offered(_) => None,
            State::Accepted(..) => Some(Control::Refused(Refusal::NoMemory)),
            State::NotYet | State::Moving(_) | State::Done => {
                return Err(OutOfOrder {
                    record: "answer to an unsent record",
                });
            }
        };
        self.mapped = None;
        Ok(Outcome {
            send,
            stay: Some(Reason::NotSent {
                error: error.to_string(),
            }),
            ..Outcome::default()
        })
    }

    /// Handles a record that concerns the attachment.
    pub(crate) fn handle(&mut self, record: Control) -> Result<Outcome, OutOfOrder> {
        let state = std::mem::replace(&mut self.state, State::Done);
        match (self.role, state, record) {
            (Role::Server, State::NotYet, Control::Attach { capacity, segment }) => {
                Ok(self.accept(capacity, segment))
            }
            (Role::Client, State::Offered(own), Control::Attached { capacity, segment }) => {
                Ok(self.move_over(own, capacity, segment))
            }
            (Role::Server, State::Accepted(producer, consumer), Control::Moved) => Ok(Outcome {
                send: Some(Control::Moved),
                outbound: Some(producer),
                inbound: Some(consumer),
                stay: None,
            }),
            (Role::Client, State::Moving(consumer), Control::Moved) => Ok(Outcome {
                inbound: Some(consumer),
                ..Outcome::default()
            }),
            (_, State::Offered(_) | State::Accepted(..), Control::Refused(refusal)) => {
                self.mapped = None;
                Ok(Outcome {
                    stay: Some(Reason::PeerRefused(refusal)),
                    ..Outcome::default()
                })
            }
            (_, _, record) => Err(OutOfOrder {
                record: match record {
                    Control::Attach { .. } => "Attach",
                    Control::Attached { .. } => "Attached",
                    Control::Refused(_) => "Refused",
                    Control::Moved => "Moved",
                    Control::Doorbell => "Doorbell",
                    Control::Close { .. } => "Close",
                },
            }),
        }
    }

    /// The server's answer to `Attach`.
    fn accept(&mut self, capacity: u64, segment: Segment) -> Outcome {
        match self.accepted(capacity, &segment) {
            Ok((own, peer, segment)) => {
                let (producer, consumer) = rings(own, peer);
                self.state = State::Accepted(producer, consumer);
                Outcome {
                    send: Some(Control::Attached {
                        capacity: self.capacity.bytes() as u64,
                        segment: Segment::Own(segment),
                    }),
                    ..Outcome::default()
                }
            }
            Err((refusal, reason)) => {
                self.mapped = None;
                refuse(refusal, reason)
            }
        }
    }

    fn accepted(
        &mut self,
        declared: u64,
        segment: &Segment,
    ) -> Result<(OwnSegment, PeerSegment, OwnedFd), (Refusal, Reason)> {
        let capacity = self.acceptable(declared)?;
        if let Some(memory) = &self.memory {
            let both = capacity.bytes() as u64 + self.capacity.bytes() as u64;
            self.mapped = memory.take(both);
            if self.mapped.is_none() {
                let quota = memory.quota();
                return Err((Refusal::QuotaReached, Reason::QuotaReached { quota }));
            }
        }
        let peer = map(segment, capacity)?;
        let (own, segment) = OwnSegment::create(self.capacity)
            .map_err(|error| (Refusal::NoMemory, Reason::NoMemory(error)))?;
        Ok((own, peer, segment))
    }

    /// The client's answer to `Attached`.
    fn move_over(&mut self, own: OwnSegment, capacity: u64, segment: Segment) -> Outcome {
        let mapped = self
            .acceptable(capacity)
            .and_then(|capacity| map(&segment, capacity));
        let peer = match mapped {
            Ok(peer) => peer,
            Err((refusal, reason)) => return refuse(refusal, reason),
        };
        let (producer, consumer) = rings(own, peer);
        self.state = State::Moving(consumer);
        Outcome {
            send: Some(Control::Moved),
            outbound: Some(producer),
            ..Outcome::default()
        }
    }

    fn acceptable(&self, declared: u64) -> Result<RingCapacity, (Refusal, Reason)> {
        match RingCapacity::new(declared) {
            Ok(capacity) if declared <= self.largest => Ok(capacity),
            Ok(_) | Err(_) => {
                let largest = self.largest;
                Err((
                    Refusal::TooLarge,
                    Reason::PeerRingSize { declared, largest },
                ))
            }
        }
    }
}

fn map(segment: &Segment, capacity: RingCapacity) -> Result<PeerSegment, (Refusal, Reason)> {
    let segment = match segment {
        Segment::Own(segment) => Some(segment.as_fd()),
        Segment::Foreign(segment) => segment.as_fd(),
        Segment::Lost => None,
    };
    let Some(segment) = segment else {
        return Err((Refusal::NoMemory, Reason::NoDescriptors));
    };
    PeerSegment::map(segment, capacity)
        .map_err(|refused| (Refusal::SegmentRefused, Reason::SegmentRefused(refused)))
}

fn refuse(to_the_peer: Refusal, to_the_user: Reason) -> Outcome {
    Outcome {
        send: Some(Control::Refused(to_the_peer)),
        stay: Some(to_the_user),
        ..Outcome::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::IoSlice;

    const CAPACITY: u64 = 65536;

    fn side(role: Role, largest: u64) -> Attachment {
        Attachment::new(role, RingCapacity::new(CAPACITY).unwrap(), largest)
    }

    fn carries(producer: &mut Producer, consumer: &mut Consumer) {
        let mut read = Vec::new();
        producer.write_vectored(&[IoSlice::new(b"across")]).unwrap();
        consumer.read(&mut read).unwrap();
        assert_eq!(read, b"across");
    }

    #[test]
    fn both_sides_move_and_their_rings_are_connected() {
        let (mut client, mut server) = (side(Role::Client, CAPACITY), side(Role::Server, CAPACITY));
        let attach = client.offer().send.unwrap();
        let attached = server.handle(attach).unwrap().send.unwrap();
        assert!(!client.is_decided() && !server.is_decided());
        let mut of_client = client.handle(attached).unwrap();
        assert!(of_client.inbound.is_none(), "the server has not moved yet");
        let of_server = server.handle(of_client.send.take().unwrap()).unwrap();
        let last = client.handle(of_server.send.unwrap()).unwrap();
        carries(
            &mut of_client.outbound.unwrap(),
            &mut of_server.inbound.unwrap(),
        );
        carries(&mut of_server.outbound.unwrap(), &mut last.inbound.unwrap());
        assert!(client.is_decided() && server.is_decided());
    }

    #[test]
    fn a_ring_over_the_limit_is_refused_by_either_side() {
        let mut client = side(Role::Client, CAPACITY);
        let mut server = side(Role::Server, CAPACITY / 2);
        let refusal = server.handle(client.offer().send.unwrap()).unwrap();
        let reason = Reason::PeerRingSize {
            declared: CAPACITY,
            largest: CAPACITY / 2,
        };
        assert_eq!(refusal.stay, Some(reason));
        let stays = client.handle(refusal.send.unwrap()).unwrap();
        assert_eq!(stays.stay, Some(Reason::PeerRefused(Refusal::TooLarge)));
        assert!(stays.outbound.is_none() && client.is_decided());

        let mut client = side(Role::Client, CAPACITY / 2);
        let mut server = side(Role::Server, CAPACITY);
        let attached = server
            .handle(client.offer().send.unwrap())
            .unwrap()
            .send
            .unwrap();
        let refusal = client.handle(attached).unwrap();
        assert!(refusal.stay.is_some() && refusal.outbound.is_none());
        let stays = server.handle(refusal.send.unwrap()).unwrap();
        assert_eq!(stays.stay, Some(Reason::PeerRefused(Refusal::TooLarge)));
    }

    #[test]
    fn a_descriptor_that_is_no_segment_is_refused() {
        let mut server = side(Role::Server, CAPACITY);
        let segment = Segment::Own(std::fs::File::open("/dev/null").unwrap().into());
        let outcome = server
            .handle(Control::Attach {
                capacity: CAPACITY,
                segment,
            })
            .unwrap();
        assert!(
            matches!(outcome.stay, Some(Reason::SegmentRefused(_))),
            "{outcome:?}"
        );
        assert!(matches!(
            outcome.send,
            Some(Control::Refused(Refusal::SegmentRefused))
        ));
    }

    #[test]
    fn a_segment_that_could_not_be_sent_leaves_the_link_on_the_socket() {
        let unsent = io::Error::from(io::ErrorKind::PermissionDenied);
        let mut client = side(Role::Client, CAPACITY);
        let attach = client.offer().send.unwrap();
        let outcome = client.not_sent(&unsent).unwrap();
        assert!(outcome.send.is_none(), "nobody has heard of the offer");
        assert!(matches!(outcome.stay, Some(Reason::NotSent { .. })));

        let mut server = side(Role::Server, CAPACITY);
        server.handle(attach).unwrap();
        let outcome = server.not_sent(&unsent).unwrap();
        assert!(matches!(outcome.send, Some(Control::Refused(_))));
        assert!(matches!(outcome.stay, Some(Reason::NotSent { .. })));
    }

    #[test]
    fn an_answer_to_a_segment_that_could_not_be_sent_is_out_of_order() {
        let unsent = io::Error::from(io::ErrorKind::PermissionDenied);
        let memory = Memory::new(2 * CAPACITY);
        let mut client = side(Role::Client, CAPACITY);
        let mut server = side(Role::Server, CAPACITY).limited_to(Some(memory.clone()));
        let attached = server.handle(client.offer().send.unwrap()).unwrap().send;
        let moved = client.handle(attached.unwrap()).unwrap().send;
        assert!(client.not_sent(&unsent).is_err());
        server.handle(moved.unwrap()).unwrap();
        assert!(server.not_sent(&unsent).is_err());
        assert!(memory.take(1).is_none(), "both rings are in use");

        let mut client = side(Role::Client, CAPACITY);
        client.offer();
        client.handle(Control::Refused(Refusal::NoMemory)).unwrap();
        assert!(client.not_sent(&unsent).is_err());
    }

    #[test]
    fn records_out_of_order_are_refused_on_both_sides() {
        let segment = || Segment::Own(std::fs::File::open("/dev/null").unwrap().into());
        let records = || {
            [
                Control::Attach {
                    capacity: CAPACITY,
                    segment: segment(),
                },
                Control::Attached {
                    capacity: CAPACITY,
                    segment: segment(),
                },
                Control::Refused(Refusal::NoMemory),
                Control::Moved,
            ]
        };
        for record in records() {
            assert!(side(Role::Client, CAPACITY).handle(record).is_err());
        }
        for record in records().into_iter().skip(1) {
            assert!(side(Role::Server, CAPACITY).handle(record).is_err());
        }
        for record in records() {
            let mut server = side(Role::Server, CAPACITY);
            let attach = side(Role::Client, CAPACITY).offer().send.unwrap();
            server.handle(attach).unwrap();
            let expected = matches!(record, Control::Refused(_) | Control::Moved);
            assert_eq!(server.handle(record).is_ok(), expected);
            for record in records() {
                assert!(server.handle(record).is_err(), "nothing can follow");
            }
        }
    }
}
