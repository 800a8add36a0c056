//! The evaluator: from the last periods of a metric to a state.

use super::alarm::{Missing, Settings, StateValue};

/// The state that an alarm has after these periods, the newest last, and why. `None` keeps the state.
#[must_use]
pub fn judge(alarm: &Settings, window: &[Option<f64>]) -> Option<(StateValue, String)> {
    let treated: Vec<Option<bool>> = window.iter().map(|value| breaches(alarm, *value)).collect();
    let known = treated.iter().flatten().count();
    if known == 0 {
        let unknown = || {
            (
                StateValue::InsufficientData,
                "Insufficient Data: no datapoints were received".to_owned(),
            )
        };
        return (alarm.treat_missing_data != Missing::Ignore).then(unknown);
    }
    let breaching = treated
        .iter()
        .flatten()
        .filter(|breaches| **breaches)
        .count();
    let wanted = alarm
        .datapoints_to_alarm
        .unwrap_or(alarm.evaluation_periods) as usize;
    let raised = breaching >= wanted;
    let state = if raised {
        StateValue::Alarm
    } else {
        StateValue::Ok
    };
    Some((state, reason(alarm, window, breaching, raised)))
}

fn breaches(alarm: &Settings, value: Option<f64>) -> Option<bool> {
    match (value, alarm.treat_missing_data) {
        (Some(value), _) => Some(alarm.comparison_operator.breached(value, alarm.threshold)),
        (None, Missing::Breaching) => Some(true),
        (None, Missing::NotBreaching) => Some(false),
        (None, Missing::Ignore | Missing::Unknown) => None,
    }
}

fn reason(alarm: &Settings, window: &[Option<f64>], breaching: usize, raised: bool) -> String {
    let values: Vec<String> = window.iter().flatten().map(f64::to_string).collect();
    let (count, relation) = if raised {
        (breaching, "was")
    } else {
        (window.len() - breaching, "was not")
    };
    format!(
        "Threshold Crossed: {count} out of the last {} datapoints [{}] {relation} {} the threshold ({}).",
        window.len(),
        values.join(", "),
        alarm.comparison_operator.words(),
        alarm.threshold
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn alarm(missing: &str, datapoints_to_alarm: u32) -> Settings {
        let settings = json!({
            "AlarmName": "a", "MetricName": "m", "Namespace": "n", "Statistic": "Average", "Period": 60,
            "EvaluationPeriods": 3, "DatapointsToAlarm": datapoints_to_alarm, "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": missing,
        });
        serde_json::from_value(settings).unwrap()
    }

    fn state(missing: &str, datapoints: u32, window: &[Option<f64>]) -> Option<StateValue> {
        judge(&alarm(missing, datapoints), window).map(|(state, _)| state)
    }

    #[test]
    fn an_alarm_rings_when_enough_periods_breach() {
        let window = [Some(9.0), Some(1.0), Some(9.0)];
        assert_eq!(state("missing", 2, &window), Some(StateValue::Alarm));
        assert_eq!(state("missing", 3, &window), Some(StateValue::Ok));
        assert_eq!(state("missing", 1, &[Some(5.0)]), Some(StateValue::Ok));
    }

    #[test]
    fn missing_data_counts_for_what_the_alarm_says() {
        let nothing = [None, None, None];
        assert_eq!(
            state("missing", 2, &nothing),
            Some(StateValue::InsufficientData)
        );
        assert_eq!(state("ignore", 2, &nothing), None);
        assert_eq!(state("breaching", 2, &nothing), Some(StateValue::Alarm));
        assert_eq!(state("notBreaching", 2, &nothing), Some(StateValue::Ok));
        assert_eq!(
            state("notBreaching", 1, &[None, None, Some(9.0)]),
            Some(StateValue::Alarm)
        );
    }
}
