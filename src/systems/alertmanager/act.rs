//! The acting side: posts one silence or ends one, to this member alone; gossip tells the others. Whatever leaves a write's
//! fate open is left open here: who asked looks for the mark in the comment before believing either.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::map;
use crate::model::read_path::AlertmanagerPath;
use crate::model::silence::marker;
use crate::model::{Step, StepRequest, Trouble, TroubleKind};
use crate::systems::http::{Api, HttpFault, HttpResponse, Method, first_sentence, trouble};
use crate::systems::{ActError, Adapter, NO_SUCH_PATH, Permit};

/// Words quoted from an answer.
const QUOTED: usize = 160;

pub(super) struct AlertmanagerAdapter {
    pub api: Api,
}

/// The answer to a post. An update may come back under another id, so the one returned is the one that counts.
#[derive(Deserialize)]
struct Posted {
    #[serde(rename = "silenceID")]
    id: String,
}

#[async_trait]
impl Adapter for AlertmanagerAdapter {
    /// `silence/ID` → its state (null if it is not known), `marked/REQUEST` → ids of silences that carry its mark.
    async fn read(&self, path: &str) -> Result<Value, Trouble> {
        match AlertmanagerPath::parse(path) {
            Some(AlertmanagerPath::Silence(id)) if is_id(&id) => {
                let answer = self.api.send(Method::GET, &["api", "v2", "silence", &id], None).await?;
                if answer.status == 404 {
                    return Ok(Value::Null);
                }
                let silence = map::silence(answer.success()?.json()?);
                Ok(json!(silence.state))
            }
            Some(AlertmanagerPath::Marked(request)) if is_id(&request) => {
                let all: Vec<map::RawSilence> = self.api.get(&["api", "v2", "silences"]).await?;
                let mark = format!("({})", marker(&request));
                let marked = |it: &map::RawSilence| it.comment.as_ref().is_some_and(|text| text.ends_with(&mark));
                Ok(all.into_iter().filter(marked).map(|it| json!(map::silence(it).id)).collect())
            }
            _ => Err(trouble(TroubleKind::Garbage, format!("`{path}` can't be read of an Alertmanager"), NO_SUCH_PATH)),
        }
    }

    /// Gives the id of the silence that was made or ended.
    async fn apply(&self, step: &Step, permit: &Permit) -> Result<String, ActError> {
        tracing::info!(request = %permit.plan, step = %step.request, silence = %step.target.id, "asking an Alertmanager");
        let unknown = || {
            let what = format!("`{}` is not what an Alertmanager can be asked", step.request);
            ActError::NotApplied(trouble(TroubleKind::Garbage, what, ""))
        };
        match &step.request {
            StepRequest::CreateSilence(silence) => {
                let answer = self.send(Method::POST, &["api", "v2", "silences"], Some(&json!(silence))).await?;
                let taken = self.judge(answer)?;
                let posted: Posted = taken.json().map_err(ActError::Unknown)?;
                Ok(crate::model::SafeText::new(&posted.id).to_string())
            }
            StepRequest::ExpireSilence(_) => {
                if !is_id(&step.target.id) {
                    return Err(unknown());
                }
                let answer = self.send(Method::DELETE, &["api", "v2", "silence", &step.target.id], None).await?;
                // Up to 0.25 an unknown id is a 500 with these words; later a plain 404.
                let unknown = answer.status == 404 || (answer.status == 500 && says(&answer).contains("not found"));
                if unknown {
                    let what = format!("{} knows no silence {}", self.api.host(), step.target.id);
                    return Err(ActError::NotApplied(trouble(TroubleKind::Garbage, what, "List the silences again.")));
                }
                self.judge(answer)?;
                Ok(step.target.id.clone())
            }
            _ => Err(unknown()),
        }
    }
}

impl AlertmanagerAdapter {
    async fn send(&self, method: Method, path: &[&str], body: Option<&Value>) -> Result<HttpResponse, ActError> {
        self.api.send(method, path, body).await.map_err(|fault: HttpFault| match fault.sent {
            false => ActError::NotApplied(fault.trouble),
            true => ActError::Unknown(fault.trouble),
        })
    }

    /// A success; or a plain no; or, from 500 on, something of which nothing can be concluded.
    fn judge(&self, answer: HttpResponse) -> Result<HttpResponse, ActError> {
        match answer.status {
            200..=299 => Ok(answer),
            400 | 415 | 422 => {
                // The body is a bare JSON string, or an object with code and message.
                let what = format!("{} refused it ({}): {}", self.api.host(), answer.status, says(&answer));
                Err(ActError::NotApplied(trouble(TroubleKind::Garbage, what, "Correct it and preview it again.")))
            }
            401 | 403 | 404 | 405 | 410 | 429 => Err(ActError::NotApplied(answer.trouble())),
            _ => Err(ActError::Unknown(answer.trouble())),
        }
    }
}

fn says(answer: &HttpResponse) -> String {
    first_sentence(&answer.body, QUOTED)
}

/// Ids of silences are UUIDs; requests are ULIDs.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
