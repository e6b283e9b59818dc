//! Makes one system call fail for one thread, and for the threads that it starts (seccomp(2)). What was
//! injected stays until the thread ends.

use rustix::io::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// A system call, or those uses of it that have certain arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// As our errors name it.
    pub(crate) name: &'static str,
    /// Its numbers on this machine: what is one function in C may be several calls.
    pub(crate) numbers: &'static [i64],
    /// Only uses with all of these arguments.
    pub(crate) with: &'static [Argument],
}

/// An argument whose low 32 bits, masked, are these.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Argument {
    pub(crate) index: u8,
    pub(crate) mask: u32,
    pub(crate) bits: u32,
}

impl Call {
    /// From now on this thread gets `errno` from the call, and the kernel does nothing.
    pub(crate) fn fails_with(&self, errno: Errno) {
        let rules = self.numbers.iter().map(|&number| (number, self.rules()));
        let filter = SeccompFilter::new(
            rules.collect(),
            SeccompAction::Allow,
            SeccompAction::Errno(errno.raw_os_error().unsigned_abs()),
            std::env::consts::ARCH.try_into().unwrap(),
        );
        let program: BpfProgram = filter.unwrap().try_into().unwrap();
        apply_filter(&program)
            .unwrap_or_else(|error| panic!("cannot make `{}` fail: {error}", self.name));
    }

    /// No rule stands for every use.
    fn rules(&self) -> Vec<SeccompRule> {
        let conditions: Vec<_> = self.with.iter().map(Argument::condition).collect();
        if conditions.is_empty() {
            return Vec::new();
        }
        vec![SeccompRule::new(conditions).unwrap()]
    }
}

impl Argument {
    fn condition(&self) -> SeccompCondition {
        SeccompCondition::new(
            self.index,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::MaskedEq(self.mask.into()),
            self.bits.into(),
        )
        .unwrap()
    }
}
