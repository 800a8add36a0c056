//! Where an execution is in the console, read from its ARN.

use crate::ids::Owner;

/// `arn:PARTITION:states:REGION:ACCOUNT:execution:MACHINE:NAME`, its parts from the partition on.
fn parts(execution: &Owner) -> Option<[&str; 7]> {
    let parts: Vec<&str> = execution
        .as_str()
        .strip_prefix("arn:")?
        .split(':')
        .collect();
    let parts: [&str; 7] = parts.try_into().ok()?;
    (parts[1] == "states" && parts[4] == "execution").then_some(parts)
}

/// The page of an execution; nothing where the ARN is none of an execution, or its partition's console is not known.
pub(super) fn link(execution: &Owner) -> Option<String> {
    let [partition, _, region, ..] = parts(execution)?;
    let console = match partition {
        "aws" => "console.aws.amazon.com",
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        _ => return None,
    };
    Some(format!(
        "https://{console}/states/home?region={region}#/v2/executions/details/{execution}"
    ))
}

/// The execution's name.
pub(super) fn name(execution: &Owner) -> &str {
    let whole = execution.as_str();
    parts(execution).map_or(whole, |parts| parts[6])
}

/// The Region of an execution.
#[must_use]
pub fn region(execution: &Owner) -> Option<&str> {
    parts(execution).map(|parts| parts[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(partition: &str, region: &str) -> Owner {
        format!("arn:{partition}:states:{region}:123456789012:execution:upgrade:one").into()
    }

    #[test]
    fn the_link_is_the_partition_s_own_console_in_the_region() {
        let hosts = [
            ("aws", "eu-west-1", "console.aws.amazon.com"),
            ("aws-cn", "cn-north-1", "console.amazonaws.cn"),
            (
                "aws-us-gov",
                "us-gov-west-1",
                "console.amazonaws-us-gov.com",
            ),
        ];
        for (partition, at, host) in hosts {
            let execution = execution(partition, at);
            let page = format!(
                "https://{host}/states/home?region={at}#/v2/executions/details/{execution}"
            );
            assert_eq!(link(&execution), Some(page));
            assert_eq!((name(&execution), region(&execution)), ("one", Some(at)));
        }
    }

    #[test]
    fn what_is_no_execution_of_a_known_console_has_no_link() {
        let machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:upgrade";
        for unknown in [
            "",
            "one",
            machine,
            execution("aws-iso", "us-iso-east-1").as_str(),
        ] {
            assert_eq!(link(&unknown.into()), None, "{unknown}");
        }
        assert_eq!(name(&"one".into()), "one");
    }
}
