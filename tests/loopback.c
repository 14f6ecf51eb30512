/* Preloaded into a server that would listen on every address of the machine: it listens on the
   loopback alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>

typedef int (*Bind)(int, const struct sockaddr *, socklen_t);

int bind(int socket, const struct sockaddr *address, socklen_t length) {
    Bind bind_as_asked = (Bind)dlsym(RTLD_NEXT, "bind");
    if (address && address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in here = *(const struct sockaddr_in *)address;
        here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return bind_as_asked(socket, (struct sockaddr *)&here, sizeof here);
    }
    if (address && address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 here = *(const struct sockaddr_in6 *)address;
        here.sin6_addr = in6addr_loopback;
        return bind_as_asked(socket, (struct sockaddr *)&here, sizeof here);
    }
    return bind_as_asked(socket, address, length);
}
