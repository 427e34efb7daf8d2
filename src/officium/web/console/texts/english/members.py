"""The people of a tenant."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "nav.members": "Members",
    "flash.member_changed": "The role is changed.",
    "flash.member_off": "Access is switched off, and all sessions are ended.",
    "flash.member_on": "Access is switched on again.",
    "flash.member_signed_out": "All sessions of this person are ended.",
    "role.client": "Client",
    "members.title": "Members",
    "members.lead": "Who may sign in here, and what they may do.",
    "members.made": "{email} can sign in",
    "members.once": (
        "Give them this password in a safe way. It is shown this once, and exchanged at the first sign-in."
    ),
    "members.password": "Password for the first sign-in",
    "members.add": "New member",
    "members.name": "Name (optional)",
    "members.role": "Role",
    "members.client": "Client",
    "members.client.none": "None",
    "members.client.hint": "Only for the role “Client”: whose widgets they see.",
    "members.about.admin": "everything in the tenant.",
    "members.about.member": "uses models and advisors, sees usage and configuration.",
    "members.about.viewer": "sees usage and configuration.",
    "members.about.client": "sees the widgets of one client, and answers its visitors.",
    "members.add.submit": "Create the member",
    "members.list": "People",
    "members.you": "You",
    "members.off": "Switched off",
    "members.owners": "Managed by the operator",
    "members.change": "Change",
    "members.role.submit": "Save the role",
    "members.new_password": "New password",
    "members.sign_out": "End all sessions",
    "members.disable": "Switch off access",
    "members.enable": "Switch on access",
    "members.hint": "Nothing of theirs is deleted. A new password ends their sessions.",
    "flash.member_disconnected": "Disconnected, and signed out everywhere.",
    "members.connected": "signs in with the identity provider",
    "members.disconnect": "Disconnect from provider",
    "members.disconnect.hint": (
        "Who they are there is forgotten, and they are signed out. With a verified "
        "e-mail address they are found again."
    ),
    "members.disconnect.words": "Type {email} to confirm",
    "members.disconnect.no_password": (
        "They have no password, and might not get in again. You can give them one first."
    ),
    "members.disconnect.submit": "Disconnect",
}
