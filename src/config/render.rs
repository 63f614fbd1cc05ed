//! The configuration as it was understood: the file's own shape with every default filled in and every path made whole.
//! Secrets are not in it, because the configuration holds only the paths of the files they are in.

use super::Config;
use super::kinds::Worded as _;
use super::sections::show;
use crate::model::Person;

/// As TOML that can be loaded again; the people, who live in a file of their own, follow as comments.
pub fn to_toml(config: &Config) -> String {
    // A table of texts, numbers and tables always has a TOML form.
    let mut out = toml::to_string(&show(config)).unwrap_or_default();
    out.push_str("\n# The people, from the file named above:\n");
    for person in &config.people {
        let roles: Vec<&str> = person.roles.iter().map(|role| role.word()).collect();
        let uids: Vec<String> = person.uids.iter().map(u32::to_string).collect();
        out.push_str(&format!(
            "#   {}: accounts {}; uids {}; roles {}\n",
            person.id,
            person.accounts.join(", "),
            uids.join(", "),
            roles.join(", ")
        ));
    }
    if config.people.is_empty() {
        out.push_str("#   nobody: everyone who connects observes\n");
    }
    out
}

/// As JSON, the people included.
pub fn to_json(config: &Config) -> serde_json::Value {
    let mut json = serde_json::to_value(show(config)).unwrap_or_default();
    json["people"] = config.people.iter().map(person_json).collect();
    json["people_digest"] = config.people_digest.clone().into();
    json
}

fn person_json(person: &Person) -> serde_json::Value {
    let roles: Vec<&str> = person.roles.iter().map(|role| role.word()).collect();
    serde_json::json!({ "id": person.id, "accounts": person.accounts, "uids": person.uids, "roles": roles })
}
