#![doc = include_str!("../MEMORY.md")]
