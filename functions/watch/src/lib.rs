//! Begins a wait that an alarm can end, and reads the alarms when it is over.

use domain::error::{ErrorName, StepError};
use domain::ids::Millis;
use domain::record::Wait;
use domain::watch::{Input, Output, Question, Verdict, asked, begun, judge, read, since};
use effects::alarms::Alarms;
use effects::claims::{Claims, Held};
use effects::error::Error;
use effects::metrics;
use effects::notices::Notices;
use effects::step::{Invocation, now};
use effects::tokens::{Ended, Tokens};
use jiff::Timestamp;
use tracing::info;

/// With a token: hands it to the record, **then** reads the alarms, so that whoever rings in between is heard, and ends
/// its own wait if one rings. Without: reads the alarms' state and history since the wait began.
///
/// # Errors
///
/// `Upgrade.AlarmRaised` at the end of a wait that was not quiet, as [`judge`] has it.
pub async fn run(post: &Post, input: Input, invocation: Invocation) -> Result<Output, Error> {
    let Input {
        ticket,
        token,
        entered,
        ask,
    } = input;
    let watch = async |held: &mut Held<'_>| match token {
        Some(token) => post.begin(held, token, since(entered, now()), ask).await,
        None => post.end(held).await,
    };
    post.claims
        .holding(&ticket, "watch", &invocation, watch)
        .await
}

/// What a watch is kept with.
#[derive(Clone)]
pub struct Post {
    /// The table of upgrades.
    pub claims: Claims,
    /// The alarms that guard the upgrades.
    pub alarms: Alarms,
    /// The waits that an alarm can end.
    pub tokens: Tokens,
    /// Who is asked.
    pub notices: Notices,
}

impl Post {
    async fn begin(
        &self,
        held: &mut Held<'_>,
        token: String,
        since: Millis,
        ask: Option<Question>,
    ) -> Result<Output, Error> {
        let wait = Wait {
            token: Some(token.clone()),
            since,
        };
        held.change(|record| record.wait = Some(wait)).await?;
        let record = held.record();
        let readings = self.alarms.read(&record.plan.alarms).await?;
        let blind = record.plan.request.insufficient_data;
        match (judge(record.phase, blind, &readings), ask) {
            (Err(rings), _) => {
                let ended = self.tokens.fail(&token, &rings).await?;
                info!(?ended, why = rings.message, "own wait ended");
                if (ended, rings.name) == (Ended::Now, ErrorName::AlarmRaised) {
                    metrics::alarm(held.ticket());
                }
            }
            (Ok(alarms), Some(question)) => {
                self.ask(held, &question, &alarms, &token, since).await?;
            }
            (Ok(_), None) => {}
        }
        Ok(begun(since, &readings))
    }

    async fn ask(
        &self,
        held: &Held<'_>,
        question: &Question,
        alarms: &Verdict,
        token: &str,
        since: Millis,
    ) -> Result<(), Error> {
        let until = in_words(Millis(since.0 + i64::from(question.seconds) * 1_000));
        let notice = asked(held.record(), question, alarms, token, &until);
        self.notices.publish(&notice).await?;
        info!(about = ?question.about, until, "a person asked");
        Ok(())
    }

    async fn end(&self, held: &mut Held<'_>) -> Result<Output, Error> {
        let record = held.record();
        let wait = record
            .wait
            .as_ref()
            .ok_or_else(|| StepError::failed("no wait began, so there is nothing to read"))?;
        let since = wait.since;
        let readings = self.alarms.read_since(&record.plan.alarms, since).await?;
        let verdict = judge(
            record.phase,
            record.plan.request.insufficient_data,
            &readings,
        )?;
        // The moment stays, for a call whose answer is lost and that runs again.
        let over = Wait { token: None, since };
        held.change(|record| record.wait = Some(over)).await?;
        Ok(read(since, &readings, verdict))
    }
}

/// A moment for people: `2026-11-26 10:05 UTC`.
fn in_words(moment: Millis) -> String {
    let moment = Timestamp::from_millisecond(moment.0).unwrap_or(Timestamp::MAX);
    moment.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::in_words;
    use domain::ids::Millis;

    #[test]
    fn a_moment_is_told_to_the_minute() {
        assert_eq!(in_words(Millis(1_570_035_880_985)), "2019-10-02 17:04 UTC");
        assert_eq!(in_words(Millis(i64::MAX)), "9999-12-30 22:00 UTC");
    }
}
