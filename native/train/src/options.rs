//! The command line: a step and `--name value` pairs.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;

use crate::Outcome;

pub struct Options {
    pub command: String,
    values: HashMap<String, String>,
}

impl Options {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let command = arguments.next().ok_or("which step? vocabulary, pairs, fit or judge")?;
        let mut values = HashMap::new();
        while let Some(name) = arguments.next() {
            let name = name.strip_prefix("--").ok_or(format!("{name}: expected --name value"))?.to_owned();
            let value = arguments.next().ok_or(format!("--{name} needs a value"))?;
            values.insert(name, value);
        }
        Ok(Self { command, values })
    }

    pub fn path(&self, name: &str) -> Outcome<&Path> {
        Ok(Path::new(self.values.get(name).ok_or(format!("--{name} is missing"))?))
    }

    pub fn number<T: FromStr>(&self, name: &str, default: T) -> Outcome<T> {
        let Some(value) = self.values.get(name) else { return Ok(default) };
        value.parse().map_err(|_| format!("--{name} {value}: no number").into())
    }
}
