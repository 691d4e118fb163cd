"""A small authorization server on the published SDK: it knows its users and its pages, and asks for all judgement."""

from collections.abc import Callable
from typing import Any

from authlete.api.authlete_api_impl import AuthleteApiImpl
from authlete.dto import (
    AuthorizationAction,
    AuthorizationFailReason,
    AuthorizationFailRequest,
    AuthorizationIssueRequest,
    AuthorizationRequest,
    DeviceAuthorizationRequest,
    DeviceCompleteRequest,
    DeviceCompleteResult,
    DeviceVerificationAction,
    DeviceVerificationRequest,
    IntrospectionAction,
    IntrospectionRequest,
    PushedAuthReqRequest,
    RevocationRequest,
    StandardIntrospectionRequest,
    TokenAction,
    TokenCreateAction,
    TokenCreateRequest,
    TokenFailReason,
    TokenFailRequest,
    TokenIssueRequest,
    TokenRequest,
    UserInfoAction,
    UserInfoIssueRequest,
    UserInfoRequest,
)
from authlete.types import GrantType
from flask import Flask, Response, redirect, request

USERS = {"alice": "wonderland"}
STATUS = {"OK": 200, "CREATED": 201, "BAD_REQUEST": 400, "INVALID_CLIENT": 401, "UNAUTHORIZED": 401, "FORBIDDEN": 403}


def fill(message: Any, **members: Any) -> Any:
    """The message with these members."""
    for name, value in members.items():
        setattr(message, name, value)
    return message


def from_client(message: Any) -> Any:
    """The message with what a client has sent to an endpoint for programs."""
    basic = request.authorization
    known = basic is not None and basic.type == "basic"
    return fill(
        message,
        parameters=request.get_data(as_text=True),
        clientId=basic.username if known else None,
        clientSecret=basic.password if known else None,
    )


def answer(response: Any, media_type: str = "application/json") -> Response:
    """The answer to a client."""
    status = STATUS.get(response.action.name, 500)
    made = Response(response.responseContent, status, mimetype=media_type)
    made.headers["Cache-Control"] = "no-store"
    if status == 401:
        made.headers["WWW-Authenticate"] = 'Basic realm="as"'
    return made


def to_browser(response: Any) -> Any:
    """The answer to a browser."""
    if response.action.name == "LOCATION":
        return redirect(response.responseContent)
    if response.action.name == "FORM":
        return Response(response.responseContent, mimetype="text/html")
    return answer(response)


def bearer() -> str:
    """The access token in a request."""
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def authorization_server(api: AuthleteApiImpl) -> Flask:
    """The server."""
    app = Flask(__name__)
    route: Callable[..., Any] = app.route

    @route("/authorize")
    def authorize() -> Any:
        response = api.authorization(fill(AuthorizationRequest(), parameters=request.query_string.decode()))
        if response.action is AuthorizationAction.INTERACTION:
            scopes = ", ".join(scope.description for scope in response.scopes or ())
            return {"ticket": response.ticket, "client": response.client.clientName, "scopes": scopes}
        if response.action is AuthorizationAction.NO_INTERACTION:
            reason = AuthorizationFailReason.NOT_LOGGED_IN
            return to_browser(
                api.authorizationFail(fill(AuthorizationFailRequest(), ticket=response.ticket, reason=reason))
            )
        return to_browser(response)

    @route("/authorize/decision", methods=["POST"])
    def decision() -> Any:
        ticket, username = request.form["ticket"], request.form["username"]
        if USERS.get(username) != request.form["password"]:
            reason = AuthorizationFailReason.NOT_AUTHENTICATED
        elif request.form["answer"] != "allow":
            reason = AuthorizationFailReason.DENIED
        else:
            return to_browser(
                api.authorizationIssue(fill(AuthorizationIssueRequest(), ticket=ticket, subject=username))
            )
        return to_browser(api.authorizationFail(fill(AuthorizationFailRequest(), ticket=ticket, reason=reason)))

    @route("/token", methods=["POST"])
    def token() -> Any:
        response = api.token(from_client(TokenRequest()))
        if response.action is TokenAction.PASSWORD:
            if USERS.get(response.username) == response.password:
                message = fill(TokenIssueRequest(), ticket=response.ticket, subject=response.username)
                return answer(api.tokenIssue(message))
            reason = TokenFailReason.INVALID_RESOURCE_OWNER_CREDENTIALS
            return answer(api.tokenFail(fill(TokenFailRequest(), ticket=response.ticket, reason=reason)))
        if response.action is TokenAction.TOKEN_EXCHANGE:
            return exchange(response)
        return answer(response)

    def exchange(asked: Any) -> Any:
        if asked.subjectTokenInfo is None:
            return {"error": "invalid_request", "error_description": "only what is verified is exchanged"}, 400
        message = fill(
            TokenCreateRequest(),
            grantType=GrantType.TOKEN_EXCHANGE,
            clientId=asked.clientId,
            subject=asked.subjectTokenInfo.subject,
            scopes=asked.scopes,
            resources=asked.resources,
        )
        made = api.tokenCreate(message)
        if made.action is not TokenCreateAction.OK:
            return {"error": "invalid_request"}, 400
        return {
            "access_token": made.accessToken,
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": made.tokenType,
            "expires_in": made.expiresIn,
            "scope": " ".join(made.scopes),
        }

    @route("/introspect", methods=["POST"])
    def introspect() -> Any:
        return answer(
            api.standardIntrospection(fill(StandardIntrospectionRequest(), parameters=request.get_data(as_text=True)))
        )

    @route("/revoke", methods=["POST"])
    def revoke() -> Any:
        return answer(api.revocation(from_client(RevocationRequest())))

    @route("/par", methods=["POST"])
    def par() -> Any:
        return answer(api.pushAuthorizationRequest(from_client(PushedAuthReqRequest())))

    @route("/device_authorization", methods=["POST"])
    def device_authorization() -> Any:
        return answer(api.deviceAuthorization(from_client(DeviceAuthorizationRequest())))

    @route("/device", methods=["POST"])
    def device() -> Any:
        user_code, username = request.form["user_code"], request.form["username"]
        seen = api.deviceVerification(fill(DeviceVerificationRequest(), userCode=user_code))
        if seen.action is not DeviceVerificationAction.VALID:
            return {"fault": seen.action.name}, 400
        allowed = request.form["answer"] == "allow" and USERS.get(username) == request.form["password"]
        result = DeviceCompleteResult.AUTHORIZED if allowed else DeviceCompleteResult.ACCESS_DENIED
        message = fill(DeviceCompleteRequest(), userCode=user_code, result=result, subject=username)
        return {"client": seen.clientName, "done": api.deviceComplete(message).action.name}

    @route("/userinfo")
    def userinfo() -> Any:
        seen = api.userinfo(fill(UserInfoRequest(), token=bearer()))
        if seen.action is not UserInfoAction.OK:
            return Response(status=STATUS[seen.action.name], headers={"WWW-Authenticate": seen.responseContent})
        claims = '{"name": "Alice", "email": "alice@example.com", "shoe_size": 37}'
        told = api.userinfoIssue(fill(UserInfoIssueRequest(), token=bearer(), claims=claims))
        return Response(told.responseContent, mimetype="application/json")

    @route("/tea")
    def tea() -> Any:
        seen = api.introspection(fill(IntrospectionRequest(), token=bearer(), scopes=["read"]))
        if seen.action is not IntrospectionAction.OK:
            return Response(status=STATUS[seen.action.name], headers={"WWW-Authenticate": seen.responseContent})
        return {"for": seen.subject, "client": seen.clientId or seen.clientIdAlias}

    @route("/jwks")
    def jwks() -> Any:
        return Response(api.getServiceJwks(), mimetype="application/json")

    @route("/.well-known/openid-configuration")
    def configuration() -> Any:
        return Response(api.getServiceConfiguration(), mimetype="application/json")

    return app
