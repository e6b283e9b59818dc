//! What is fuzzed of the way into shared memory: one side against a peer that sends any record at any
//! moment, and two sides that keep the rules while descriptors get lost between them.

use crate::foreign_descriptor::ForeignDescriptor;
use crate::protocol::attachment::{Attachment, OutOfOrder, Outcome, Role};
use crate::protocol::record::{Control, Segment};
use crate::quota::Memory;
use crate::reason::{Reason, Refusal};
use arbitrary::{Result, Unstructured};
use isotonic_shm::{Consumer, OwnSegment, Producer, RingCapacity};
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

const SMALL: u64 = 4096;
const LARGE: u64 = 8192;

/// Steps of one run at most: each may cost a segment, and long before the last nothing more may come.
const MAX_STEPS: usize = 32;

/// Takes a step for each few bytes of the input.
pub fn handshake(input: &[u8]) {
    // Never an error: what an input lacks is zero.
    let _ = run(&mut Unstructured::new(input));
}

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    match input.arbitrary::<u8>()? % 3 {
        0 => against_any_peer(Role::Client, input),
        1 => against_any_peer(Role::Server, input),
        _ => between_honest_sides(input),
    }
}

/// One side, and what it was told and has told so far.
struct Side {
    attachment: Attachment,
    role: Role,
    capacity: u64,
    largest: u64,
    /// What the peer's user may have us map, and what is left of it: a server's only.
    quota: u64,
    memory: Memory,
    /// The client has offered, or the server was offered something.
    begun: bool,
    outbound: Option<Producer>,
    inbound: Option<Consumer>,
    stay: Option<Reason>,
    /// The peer broke the rules.
    failed: bool,
    /// Our record with a descriptor may still fail to be sent.
    unsent: bool,
}

impl Side {
    fn new(role: Role, input: &mut Unstructured<'_>) -> Result<Self> {
        let capacity = *input.choose(&[SMALL, LARGE])?;
        let largest = *input.choose(&[SMALL, LARGE])?;
        let quota = *input.choose(&[2 * SMALL, SMALL + LARGE, 2 * LARGE])?;
        let memory = Memory::new(quota);
        let limit = (role == Role::Server).then(|| memory.clone());
        let ring = RingCapacity::new(capacity).expect("a power of two");
        Ok(Self {
            attachment: Attachment::new(role, ring, largest).limited_to(limit),
            role,
            capacity,
            largest,
            quota,
            memory,
            begun: false,
            outbound: None,
            inbound: None,
            stay: None,
            failed: false,
            unsent: false,
        })
    }

    fn has_moved(&self) -> bool {
        self.outbound.is_some() && self.inbound.is_some()
    }

    /// Nothing more can be said.
    fn is_done(&self) -> bool {
        self.has_moved() || self.stay.is_some() || self.failed
    }

    /// Whether a ring of this size fits all limits of this side.
    fn takes(&self, peers: u64) -> bool {
        peers <= self.largest && (self.role == Role::Client || peers + self.capacity <= self.quota)
    }

    fn offer(&mut self) -> Option<Control> {
        let may_offer = self.role == Role::Client && !self.begun && !self.is_done();
        assert_eq!(self.attachment.may_offer(), may_offer);
        if !may_offer {
            return None;
        }
        self.begun = true;
        let outcome = self.attachment.offer();
        self.go_on(Ok(outcome))
    }

    fn not_sent(&mut self) -> Option<Control> {
        if !self.unsent {
            return None;
        }
        self.unsent = false;
        let answered = self.outbound.is_some() || self.is_done();
        let outcome = self.attachment.not_sent(&io::ErrorKind::Other.into());
        assert_eq!(outcome.is_ok(), !answered, "{outcome:?}");
        self.go_on(outcome)
    }

    /// Has a record handled and compares what comes of it with what may.
    fn handle(&mut self, record: Control) -> Option<Control> {
        let done = self.is_done();
        let expected = match (self.role, &record) {
            _ if done => false,
            (Role::Server, Control::Attach { .. }) => !self.begun,
            (Role::Server, Control::Moved) => self.begun,
            (Role::Client, Control::Attached { .. }) => self.begun && self.outbound.is_none(),
            (Role::Client, Control::Moved) => self.outbound.is_some(),
            (_, Control::Refused(_)) => self.begun && self.outbound.is_none(),
            _ => false,
        };
        self.begun |= expected;
        let outcome = self.attachment.handle(record);
        assert_eq!(outcome.is_ok(), expected, "{outcome:?}");
        self.go_on(outcome)
    }

    fn go_on(&mut self, outcome: std::result::Result<Outcome, OutOfOrder>) -> Option<Control> {
        let Ok(outcome) = outcome else {
            self.failed = true;
            return None;
        };
        let rings = outcome.outbound.is_some() || outcome.inbound.is_some();
        assert!(!(rings && outcome.stay.is_some()), "it moves and stays");
        assert!(self.stay.is_none() || !rings, "it moves after all");
        if let Some(reason) = outcome.stay {
            let again = self.stay.replace(reason);
            assert!(again.is_none(), "it stays once more: {again:?}");
            assert!(self.outbound.is_none() && self.inbound.is_none());
        }
        if let Some(producer) = outcome.outbound {
            assert!(self.outbound.replace(producer).is_none());
        }
        if let Some(consumer) = outcome.inbound {
            assert!(self.inbound.replace(consumer).is_none());
            assert!(
                self.outbound.is_some(),
                "it reads a ring before it writes one"
            );
        }
        let mapped = self.role == Role::Server && self.begun && self.stay.is_none();
        assert_eq!(self.memory.take(self.quota).is_none(), mapped);
        let decided = self.outbound.is_some() || self.is_done();
        assert_eq!(self.attachment.is_decided(), decided);
        let carries = matches!(
            outcome.send,
            Some(Control::Attach { .. } | Control::Attached { .. })
        );
        self.unsent |= carries;
        outcome.send
    }
}

fn against_any_peer(role: Role, input: &mut Unstructured<'_>) -> Result<()> {
    let mut side = Side::new(role, input)?;
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        match input.arbitrary::<u8>()? % 8 {
            0 => drop(side.offer()),
            1 => drop(side.not_sent()),
            2 => side.unsent = false,
            3 => attach(&mut side, input, |capacity, segment| Control::Attach {
                capacity,
                segment,
            })?,
            4 => attach(&mut side, input, |capacity, segment| Control::Attached {
                capacity,
                segment,
            })?,
            5 => drop(side.handle(Control::Refused(Refusal::from_code(
                input.int_in_range(1..=9)?,
            )))),
            6 => drop(side.handle(Control::Moved)),
            _ => {
                let others = [Control::Doorbell, Control::Close { total: 0 }];
                let which = usize::from(input.arbitrary::<bool>()?);
                drop(side.handle(others.into_iter().nth(which).expect("two records")));
            }
        }
    }
    Ok(())
}

/// Has the peer send what it says is its segment. It is accepted exactly if it is one.
fn attach(
    side: &mut Side,
    input: &mut Unstructured<'_>,
    record: fn(u64, Segment) -> Control,
) -> Result<()> {
    let capacity = *input.choose(&[SMALL, LARGE, 2 * LARGE, SMALL + 1, 0, 1 << 63, u64::MAX])?;
    let (segment, is_segment) = match input.arbitrary::<u8>()? % 6 {
        0 => (Segment::Lost, false),
        1 => (foreign(UnixStream::pair().expect("two sockets").0), false),
        2 => (created(SMALL), capacity == SMALL),
        3 => (created(LARGE), capacity == LARGE),
        _ => match RingCapacity::new(capacity) {
            Ok(right) if capacity <= 2 * LARGE => (created(right.bytes() as u64), true),
            _ => (created(SMALL), false),
        },
    };
    let was_done = side.is_done();
    side.handle(record(capacity, segment));
    if !was_done && !side.failed {
        assert_eq!(side.stay.is_none(), is_segment && side.takes(capacity));
    }
    Ok(())
}

fn created(capacity: u64) -> Segment {
    let capacity = RingCapacity::new(capacity).expect("a power of two");
    let (_, file) = OwnSegment::create(capacity).expect("memory for a segment");
    foreign(file)
}

fn foreign(file: impl Into<OwnedFd>) -> Segment {
    Segment::Foreign(ForeignDescriptor::new(file.into(), None))
}

/// Both sides keep the rules; whatever happens to their descriptors, both move or neither does. Their
/// records go to and fro one at a time, so that there is no other order.
fn between_honest_sides(input: &mut Unstructured<'_>) -> Result<()> {
    let mut client = Side::new(Role::Client, input)?;
    let mut server = Side::new(Role::Server, input)?;
    let mut accident_happened = false;
    let mut record = client.offer();
    let mut sender = Role::Client;
    while let Some(sent) = record {
        let (from, to) = match sender {
            Role::Client => (&mut client, &mut server),
            Role::Server => (&mut server, &mut client),
        };
        let accident = if from.unsent {
            input.arbitrary::<u8>()? % 8
        } else {
            0xFF
        };
        accident_happened |= accident < 2;
        record = match (accident, sent) {
            (0, _) => {
                record = from.not_sent();
                continue;
            }
            (1, Control::Attach { capacity, .. }) => to.handle(Control::Attach {
                capacity,
                segment: Segment::Lost,
            }),
            (1, Control::Attached { capacity, .. }) => to.handle(Control::Attached {
                capacity,
                segment: Segment::Lost,
            }),
            (_, sent) => to.handle(sent),
        };
        from.unsent = false;
        sender = match sender {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        assert!(!client.failed && !server.failed, "honest sides fell out");
    }
    assert_eq!(client.has_moved(), server.has_moved());
    let fit = client.takes(server.capacity) && server.takes(client.capacity);
    assert_eq!(client.has_moved(), fit && !accident_happened);
    if client.has_moved() {
        carries(&mut client.outbound, &mut server.inbound);
        carries(&mut server.outbound, &mut client.inbound);
    } else {
        assert!(client.stay.is_some(), "the client does not know why");
        assert!(client.outbound.is_none() && server.outbound.is_none());
    }
    Ok(())
}

fn carries(producer: &mut Option<Producer>, consumer: &mut Option<Consumer>) {
    let (Some(producer), Some(consumer)) = (producer, consumer) else {
        panic!("a side that moved has both rings");
    };
    let mut read = Vec::new();
    assert_eq!(producer.write_vectored(&[IoSlice::new(b"across")]), Ok(6));
    assert_eq!(consumer.read(&mut read), Ok(6));
    assert_eq!(read, b"across");
}
