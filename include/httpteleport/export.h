/* What every public header needs: which symbols leave the library. C and C++. */
#ifndef HTTPTELEPORT_EXPORT_H_
#define HTTPTELEPORT_EXPORT_H_

#if defined(__GNUC__)
#define HTTPTELEPORT_EXPORT __attribute__((visibility("default")))
/* For what is declared inside of something exported, and is the library's own. */
#define HTTPTELEPORT_LOCAL __attribute__((visibility("hidden")))
#else
#define HTTPTELEPORT_EXPORT
#define HTTPTELEPORT_LOCAL
#endif

#endif /* HTTPTELEPORT_EXPORT_H_ */
