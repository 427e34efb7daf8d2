// What the widget says in its own words, and which language it speaks. `{n}` is a number. English is here, the
// other languages are in `texts/`, and what one of them lacks is said in English.

const ENGLISH = {
  open: "Open chat",
  close: "Close chat",
  unread: "New messages: {n}",
  subtitle: "AI assistant",
  greeting: "Hi! How can I help you today?",
  conversation: "Conversation",
  placeholder: "Write a message …",
  send: "Send message",
  menu: "More options",
  you: "You",
  assistant: "Assistant",
  team: "Team",
  typing: "is writing …",
  helpful: "Helpful",
  unhelpful: "Not helpful",
  why: "What was missing? (optional)",
  submit: "Send",
  thanks: "Thank you for telling us.",
  sources: "Sources",
  retry: "Try again",
  offline: "There is no connection. Check your internet, then try again.",
  cut: "The connection was lost. Reconnecting …",
  fault: "Something went wrong on our side. Please try again.",
  limited: "That was quick! You can go on in {n} seconds.",
  later: "That was quick! You can go on in {n} minutes.",
  refused: "This could not be sent.",
  tooLong: "Too long by {n} characters.",
  unavailable: "The chat cannot be reached right now.",
  loading: "Loading …",
  person: "Talk to a person",
  wantPerson: "I would like to talk to a person.",
  waiting: "We have told the team. Somebody will answer here.",
  away: "Nobody of the team is here right now. Leave your details, and we will get back to you.",
  human: "You are talking to the team.",
  bot: "The assistant is back.",
  closed: "The team has closed this conversation. Write to begin a new one.",
  lead: "Leave your details",
  leadIntro: "How can we reach you? An e-mail address or a phone number is enough.",
  name: "Name",
  email: "E-mail",
  phone: "Phone",
  message: "Message",
  leadNeeded: "Enter an e-mail address or a phone number.",
  leadEmail: "This is not a complete e-mail address.",
  leadThanks: "Thank you! We will get back to you.",
  cancel: "Cancel",
  consent: "Before we begin",
  agree: "Agree and begin",
  privacy: "Privacy",
  restart: "New conversation",
  download: "Download my data",
  forget: "Delete my data",
  forgetAsk: "Delete this conversation and everything that is kept about you? This cannot be undone.",
  forgetDo: "Delete everything",
  forgotten: "Everything that was kept about you has been deleted.",
  hint: "Answers come from an AI and can be wrong.",
  newTab: "opens in a new tab",
};

// `LANGUAGES`, those of `texts/`, is written before this by the server.
const RIGHT_TO_LEFT = ["ar", "arc", "ckb", "dv", "fa", "he", "iw", "ps", "sd", "ug", "ur", "yi"];

function plainLanguage(tag) {
  return String(tag || "").toLowerCase().split(/[-_]/)[0];
}

// The language to speak: what the page wants, else the browser, among those the widget has.
function chooseLanguage(wanted, offered) {
  const known = offered.length ? offered : ["en", ...LANGUAGES];
  for (const tag of wanted) {
    const found =
      known.find((each) => each.toLowerCase() === String(tag).toLowerCase()) ||
      known.find((each) => plainLanguage(each) === plainLanguage(tag));
    if (found) return found;
  }
  return offered[0] || "en";
}
