//! The `memory_limiter` processor. All telemetry in memory is under one budget, which receivers ask before they read;
//! this lowers that budget, and then lets everything pass.

use std::time::Duration;

use config::Former::{self, Idle};
use config::{Mistakes, Node};
use pipeline::{Context, Processor};
use serde::Deserialize;

use crate::decouple::Passing;

const NO_GARBAGE: &str = "no garbage is collected";

/// Keys of former years, and keys that change nothing here.
const FORMER: [(&str, Former); 3] = [
    ("ballast_size_mib", Idle(NO_GARBAGE)),
    ("min_gc_interval_when_soft_limited", Idle(NO_GARBAGE)),
    ("min_gc_interval_when_hard_limited", Idle(NO_GARBAGE)),
];

/// What a user may write, with the Collector's defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Must be above 0, as in the Collector; the budget is asked before each request, not at intervals.
    #[serde(deserialize_with = "config::duration")]
    check_interval: Duration,
    /// The most memory, in MiB.
    limit_mib: u32,
    /// What of it is kept free for sudden growth, in MiB; a fifth unless set.
    spike_limit_mib: u32,
    /// The most memory, as a percentage of the function's.
    limit_percentage: u32,
    /// What of it is kept free, as a percentage of the function's memory; a fifth of the limit unless set.
    spike_limit_percentage: u32,
}

/// Makes a `memory_limiter`, and lowers the budget to what it allows.
///
/// # Errors
/// What is no valid setting, as the Collector has it.
pub fn build(node: &Node, context: &Context) -> Result<Box<dyn Processor>, Mistakes> {
    let node = &node.settled(&[&FORMER]);
    let config: Config = node.read()?;
    if config.check_interval.is_zero() {
        return Err(node.mistake("check_interval", "expected a duration above 0, such as 1s"));
    }
    let mebibytes = |count: u32| (count as usize) << 20;
    let (limit, spike) = if config.limit_mib > 0 {
        if config.spike_limit_mib >= config.limit_mib {
            return Err(node.mistake("spike_limit_mib", "expected less than limit_mib"));
        }
        (mebibytes(config.limit_mib), mebibytes(config.spike_limit_mib))
    } else if config.limit_percentage > 0 {
        for (key, percentage) in [
            ("limit_percentage", config.limit_percentage),
            ("spike_limit_percentage", config.spike_limit_percentage),
        ] {
            if percentage > 100 {
                return Err(node.mistake(key, format_args!("found {percentage}; expected at most 100")));
            }
        }
        if config.spike_limit_percentage >= config.limit_percentage {
            return Err(node.mistake("spike_limit_percentage", "expected less than limit_percentage"));
        }
        let memory = context.env.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|size| size.parse().ok());
        let share = |percentage: u32| {
            memory.map_or(usize::MAX, |size: u32| mebibytes(size) / 100 * percentage as usize)
        };
        (share(config.limit_percentage), share(config.spike_limit_percentage))
    } else {
        return Err(node.mistake("", "limit_mib or limit_percentage must be above 0"));
    };
    let spike = if spike == 0 || spike == usize::MAX { limit / 5 } else { spike };
    context.budget.lower(limit - spike);
    Ok(Box::new(Passing))
}

#[cfg(test)]
mod tests {
    use config::Env;
    use pipeline::Budget;

    use super::*;

    /// The budget of 256 MiB once such a processor was made, in MiB, or the mistakes.
    fn budget(text: &str) -> Result<usize, String> {
        let env = Env::from_iter([("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")]);
        let node = Node::parse(text, &env).unwrap();
        let id = "memory_limiter".parse().unwrap();
        let context = Context {
            id,
            env,
            budget: Budget::new(256 << 20),
            user_agent: String::new(),
            host: pipeline::Host::default(),
        };
        build(&node, &context).map(|_| context.budget.limit() >> 20).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn it_lowers_the_budget_to_its_soft_limit_and_never_raises_it() {
        assert_eq!(budget("{check_interval: 1s, limit_mib: 100, spike_limit_mib: 30}"), Ok(70));
        assert_eq!(budget("{check_interval: 1s, limit_mib: 100}"), Ok(80));
        assert_eq!(budget("{check_interval: 1s, limit_percentage: 25, spike_limit_percentage: 5}"), Ok(102));
        assert_eq!(budget("{check_interval: 1s, limit_mib: 4000, spike_limit_mib: 1}"), Ok(256));
    }

    #[test]
    fn what_the_collector_refuses_is_a_mistake() {
        for (text, expected) in [
            ("{}", "check_interval: expected a duration above 0, such as 1s"),
            ("{check_interval: 1s}", "limit_mib or limit_percentage must be above 0"),
            ("{check_interval: 1s, limit_mib: 10, spike_limit_mib: 20}", "expected less than limit_mib"),
            (
                "{check_interval: 1s, limit_percentage: 101}",
                "limit_percentage: found 101; expected at most 100",
            ),
        ] {
            let mistake = budget(text).unwrap_err();
            assert!(mistake.ends_with(expected), "{mistake}");
        }
    }
}
